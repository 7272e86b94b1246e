"""The Python client: the whole way of a case by it alone, and what it does with a bad answer."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from apiway import Way
from authenticator import ORIGIN, Authenticator
from clockkit import MovingClock
from starlette.testclient import TestClient
from webkit import Site

from countenance.core import InputError
from countenance.desk import reviewing
from countenance.desk.roles import Role
from countenance.web.client import (
    Client,
    ConflictError,
    InvalidError,
    NotAllowedError,
    NotSignedInError,
    ProblemError,
    TooManyError,
    UnavailableError,
)
from countenance.web.client.parts.cases import NewCase
from countenance.web.client.parts.incidents import NewIncident
from countenance.web.client.parts.leads import LeadOutcome, Reliance
from countenance.web.client.parts.probes import ProbeNotTaken
from countenance.web.client.parts.requests import Approve, NotPermitted
from countenance.web.client.parts.standing import SwitchAsked

SCRIPTS = Path(__file__).parents[2] / "scripts"
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def way(site: Site, monkeypatch: pytest.MonkeyPatch) -> Way:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    return Way(site)


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("make_client", SCRIPTS / "make_client.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def answering(handler: Handler, base: str = ORIGIN, key: Any = None) -> Client:
    return Client(base, key, http=httpx.Client(transport=httpx.MockTransport(handler)))


def test_every_operation_has_its_method_and_every_method_its_operation() -> None:
    document = generator().described()
    names = {raw["operationId"] for methods in document["paths"].values()
             for raw in methods.values()}  # fmt: skip
    methods = {name for name in dir(Client) if not name.startswith("_")}
    assert names <= methods
    assert methods - names == {"sign_in", "close"}


def test_what_is_committed_is_what_the_description_says() -> None:
    maker = generator()
    made = maker.made()
    assert {path.stem for path in maker.PLACE.glob("*.py")} == set(made)
    for name, text in made.items():
        assert (maker.PLACE / f"{name}.py").read_text("utf-8") == text, "run make_client.py"


def test_it_brings_nothing_of_the_service_along() -> None:
    code = (
        "import sys, countenance.web.client\n"
        "bad = ('fastapi', 'starlette', 'pydantic', 'sqlalchemy', 'countenance.desk')\n"
        "print([name for name in bad if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_way_of_a_case(way: Way, clock: MovingClock) -> None:
    way.prepared().asked().searched()
    lead = way.lead()
    shown = way.rita.show_lead(lead)
    assert shown.warning in shown.text
    assert shown.state == "issued"
    asked = way.rita.rely_on_lead(lead, Reliance(step="arrest", in_affidavit=True))
    assert asked.outcome in ("permit", "deny", "needs")
    assert asked.reasons or asked.permitted
    settled = way.rita.show_settled_review(way.ids["search"])
    assert settled.state == "agreed-candidate"
    assert [each.rank for each in settled.entries] == sorted(each.rank for each in settled.entries)
    made = way.rita.give_lead_outcome(
        lead, LeadOutcome(outcome="somebody-else", words="the print is of another person")
    )
    assert made.incident in {each.id for each in way.rita.find_incidents()}
    file = way.ulf.show_case_file(way.ids["case"])
    assert [each.id for each in file.leads] == [lead]
    kinds = {each.kind for each in way.ulf.list_events(most=200)}
    assert {"lead-changed", "lead-outcome", "incident-opened"} <= kinds
    assert b"tlog-proof" in way.ulf.show_event_proof(3)
    clock.move(minutes=16)
    with pytest.raises(NotSignedInError):
        way.rita.read_me()
    way.rita.sign_in()
    way.rita.end_session()
    with pytest.raises(NotSignedInError):
        way.rita.read_me()


def test_the_passkey_is_asked_once_for_what_needs_it_and_for_nothing_else(way: Way) -> None:
    device = way.visitors[Role.ADMINISTRATOR].device
    before = device.count
    way.ada.find_accounts()
    way.ada.show_status()
    assert device.count == before
    with pytest.raises(InvalidError):
        way.ada.ask_to_stand_down(SwitchAsked(reason="order", grounds="too little"[:9]))
    way.ada.ask_to_stand_down(SwitchAsked(reason="order", grounds="the court ordered it"))
    assert device.count == before + 2


def test_an_approval_is_a_signature_over_what_was_seen(way: Way) -> None:
    way.prepared().asked()
    with pytest.raises(ConflictError):
        way.abe.approve_request(way.ids["request"], Approve(digest="0" * 64))
    with pytest.raises(ConflictError):
        way.rita.make_search(way.ids["request"])
    way.searched()
    again = way.rita.make_search(way.ids["request"])
    assert not isinstance(again, NotPermitted)
    assert again.state == "open"


def test_a_refusal_is_an_answer(way: Way) -> None:
    way.prepared().asked()
    made = way.rita.upload_a_probe(
        way.ids["case"], way.picture, sort="sketch", shows="shown-by-record",
        known_by="recording-of-the-act", explanation="drawn after what a witness said",
    )  # fmt: skip
    assert isinstance(made, ProbeNotTaken)
    assert made.sentences
    form = type(way.form)(**{**_fields(way.form), "documents": (), "stated": {}})
    refused = way.rita.submit_request(form)
    assert refused.state == "refused"
    assert refused.decision.reasons or refused.decision.needs


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def test_errors_say_what_where_and_what_to_do(way: Way) -> None:
    with pytest.raises(InvalidError) as wrong:
        way.rita.open_a_case(
            NewCase(number="x" * 65, purpose="identify-suspect", offence_kinds=("felony",),
                    narrative="short")
        )  # fmt: skip
    assert wrong.value.where == "number"
    assert wrong.value.status == 422
    with pytest.raises(NotAllowedError) as hidden:
        way.rita.show_case("0" * 32)
    with pytest.raises(ProblemError) as nowhere:
        way.rita.show_case("../galleries")
    assert nowhere.value.status == 404
    assert hidden.value.problem.code == "desk-not-allowed"
    with pytest.raises(NotAllowedError):
        way.rita.list_events()
    with pytest.raises(NotSignedInError):
        Client(ORIGIN, http=TestClient(way.site.app)).read_me()
    way.ada.ask_to_stand_down(SwitchAsked(reason="order", grounds="the court ordered it"))
    (task,) = [each for each in way.abe.list_tasks() if each.what == "confirm-standing"]
    way.abe.confirm_standing_down(task.of)
    with pytest.raises(UnavailableError):
        way.eve.take_review()
    assert way.rita.open_an_incident(NewIncident(cause="complaint", grounds="a letter came in"))


def test_words_go_out_in_headers_and_arrive_as_they_were(way: Way) -> None:
    way.prepared().asked()
    words = "Aufnahme über der Tür, «Bild 12» – von links; 100 % sure?\t".strip()
    taken = way.rita.upload_a_probe(
        way.ids["case"], (way.site.folder / "in" / "batch" / "31.png").read_bytes(),
        sort="cctv-frame", shows="shown-by-record", known_by="recording-of-the-act",
        explanation=words,
    )  # fmt: skip
    assert not isinstance(taken, ProbeNotTaken)
    file = way.rita.show_case_file(way.ids["case"])
    (probe,) = [each for each in file.probes if each.id == taken.probe]
    assert probe.explanation == words


@pytest.mark.parametrize("base", ["http://desk.example", "ftp://desk.example", "desk.example", ""])
def test_a_session_is_not_sent_over_an_open_line(base: str) -> None:
    with pytest.raises(InputError):
        Client(base)


@pytest.mark.parametrize("base", ["https://desk.example/api", "https://desk.example/?a=b"])
def test_the_address_is_the_desk_s(base: str) -> None:
    with pytest.raises(InputError):
        Client(base)


@pytest.mark.parametrize("base", ["http://localhost:8760", "http://127.0.0.1:1", ORIGIN])
def test_secure_cookies_are_kept_and_sent_here_too(base: str) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie", ""))
        given = [
            ("set-cookie", f"__Host-desk=t{len(seen)}; Path=/; Secure; HttpOnly; SameSite=strict"),
            ("set-cookie", "other=1; Path=/"),
        ]
        if len(seen) == 3:
            given = [("set-cookie", '__Host-desk=""; Max-Age=0; Path=/')]
        return httpx.Response(200, json=[], headers=given)

    made = answering(handler, base)
    for _ in range(4):
        made.find_cases()
    assert seen == ["", "__Host-desk=t1", "__Host-desk=t2", ""]


@pytest.mark.parametrize(
    ("answer", "sort"),
    [
        (httpx.Response(502, html="<h1>Bad gateway</h1>"), ProblemError),
        (httpx.Response(503, content=b"\xff\xfe"), UnavailableError),
        (httpx.Response(429, json={"title": "too many"}), TooManyError),
        (httpx.Response(200, html="<h1>Sign in</h1>"), ProblemError),
        (httpx.Response(200, json={"id": 3}), ProblemError),
        (httpx.Response(200, content=b""), ProblemError),
        (httpx.Response(303, headers={"location": "https://else.example/"}), ProblemError),
        (httpx.Response(403, json={"title": 7}), NotAllowedError),
    ],
)
def test_an_answer_of_somebody_else_is_an_error(
    answer: httpx.Response, sort: type[ProblemError]
) -> None:
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return answer

    with pytest.raises(sort):
        answering(handler).read_me()
    assert seen == [f"{ORIGIN}/api/v1/me"]


def test_nobody_answers() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(ProblemError) as error:
        answering(handler).show_status()
    assert error.value.status == 0


def test_what_is_named_stays_in_its_place_of_the_address() -> None:
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path.decode())
        return httpx.Response(404)

    made = answering(handler)
    for name in ("../../passkey/sign-in/begin", "a?b=c", "a#b", "ü\r\n"):
        with pytest.raises(ProblemError):
            made.show_case(name)
    for path in seen:
        assert path.startswith("/api/v1/cases/")
        assert path.count("/") == 4
        assert "?" not in path


@pytest.mark.parametrize("begun", [{}, {"options": 3}, {"options": None}])
def test_a_desk_that_asks_the_passkey_nothing(begun: Any) -> None:
    made = answering(lambda _: httpx.Response(200, json=begun), key=Authenticator())
    with pytest.raises(ProblemError):
        made.sign_in()


def test_without_a_passkey_there_is_no_way_in(site: Site) -> None:
    made = Client(ORIGIN, http=TestClient(site.app))
    assert made.show_status().name == "Example Police Department"
    with pytest.raises(InputError):
        made.sign_in()


def test_the_answer_of_the_passkey_goes_out_as_it_is() -> None:
    sent: list[bytes] = []

    class Key:
        def get(self, options: Any) -> str:
            return json.dumps({"asked": options})

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(200, json={"options": {"challenge": "abc"}})

    answering(handler, key=Key()).sign_in()
    assert json.loads(sent[1]) == {"answer": {"asked": {"challenge": "abc"}}}
