"""No call of any operation, harmless or hostile, by anybody, is answered otherwise than described.

At least: no fault of ours, no answer that the description does not have, nothing of another type
or shape; and whoever's role it is not gets nothing but a refusal.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from apiway import Way, client
from fuzzing import CHECKS, Fuzzer
from schemathesis import GenerationMode
from webkit import Site, Visitor

from countenance.desk import reviewing
from countenance.desk.roles import ACTIONS
from countenance.web.client.parts.standing import SwitchAsked

REFUSALS = {401, 403, 404, 413, 415, 422}
MANY = 20
ENDS = {"confirm_standing_down", "confirm_taking_up"}


@pytest.fixture
def way(site: Site, monkeypatch: pytest.MonkeyPatch) -> Way:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    made = Way(site).prepared().asked().searched()
    made.lead()
    return made.furnished()


@pytest.fixture(autouse=True)
def _generator_s_own_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="(schemathesis|hypothesis|jsonschema)")
        yield


def callers(way: Way) -> dict[str, Visitor]:
    made = {role.value: visitor.sign_in() for role, visitor in way.visitors.items()}
    return {"nobody": way.site.public(), **made}


def test_every_operation_answers_everybody_as_it_is_described(way: Way) -> None:
    made = Fuzzer(way.site.app.openapi(), callers(way), way.ids).run(2, but=ENDS)
    refused_where_they_should(made)
    reached = {name for name, _, status in made.seen if status < 300}
    assert len(reached) > 50, sorted(reached)


def refused_where_they_should(made: Fuzzer) -> None:
    operations = [
        raw for methods in made.document["paths"].values() for raw in methods.values()
        if raw["operationId"] not in ENDS
    ]  # fmt: skip
    assert len(operations) > 100
    for raw in operations:
        name, roles = raw["operationId"], raw.get("x-roles")
        for who in made.callers:
            found = {status for op, caller, status in made.seen if (op, caller) == (name, who)}
            assert found, (name, who)
            if who == "nobody" and "security" in raw:
                assert found <= {401, 415}, (name, found)
            elif roles is not None and who not in roles:
                assert found <= REFUSALS, (name, who, found)


def test_a_desk_that_stands_down_answers_as_described_too(way: Way) -> None:
    asked = way.ada.ask_to_stand_down(SwitchAsked(reason="order", grounds="the court ordered it"))
    way.abe.confirm_standing_down(asked.id)
    made = Fuzzer(
        way.site.app.openapi(),
        callers(way),
        way.ids,
        checks=CHECKS,
        everybody=False,
        modes=[GenerationMode.POSITIVE],
    )  # 503 is right here
    made.run(1, but={*ENDS, "ask_to_take_up"})
    assert not [each for each in made.seen if each[2] == 500]
    for methods in made.document["paths"].values():
        for raw in methods.values():
            rule = ACTIONS.get(raw["x-action"])
            if raw["operationId"] == "make_search":
                continue  # of a list that is open it says so, and does nothing
            if rule is not None and not rule.standing_down:
                found = made.answers(raw["operationId"])
                assert not {status for status in found if status < 300}, raw["operationId"]
    assert client(way.site.public()).show_status().down_since is not None


@pytest.mark.slow
def test_many_calls_of_every_operation(way: Way) -> None:
    refused_where_they_should(
        Fuzzer(way.site.app.openapi(), callers(way), way.ids).run(MANY, but=ENDS)
    )
