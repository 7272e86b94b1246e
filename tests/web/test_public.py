"""The public page: whoever did not choose to be here can read and check what is done here."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import deskgalleries
import pytest
from casepages import Cast
from casework import CARD, audit
from people import trained
from webkit import Site, Visitor
from witnessed import Witnessed, witnessed

from countenance.audit.report.palette import figure_rules
from countenance.desk import standing
from countenance.desk.roles import Role
from countenance.desk.service import Standing
from countenance.desk.standing import Direction, Reason
from countenance.law import bundled
from countenance.web import auditpicture, create_app, figures
from countenance.web.auditpicture import drawn
from countenance.web.pages.public import said_refusals, searched
from countenance.web.publicdocument import DOCUMENT, PublicDocument
from countenance.web.rendering import environment, static_path

EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(figures, "TIMES", 0)


def text_of(page: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def document(site: Site) -> PublicDocument:
    return DOCUMENT.validate_json(site.public().get("/public.json").content)


def with_audit(site: Site) -> Site:
    auditor = site.joined("Uma Audit", Role.AUDITOR, train=False)
    return site.with_audit(auditor, site.joined("Ben Approve", Role.APPROVER))


def page_of(site: Site) -> str:
    answer = site.public().get("/")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_desk_that_did_nothing_says_so(site: Site) -> None:
    page = text_of(page_of(site))
    assert (
        "In November 2026, 0 searches were asked for, 0 made, and 0 leads were given out" in page
    )
    assert "Nobody can be searched for now: no audit of the engine was accepted" in page
    assert "There is no gallery: nobody is in it" in page
    assert "No checkpoint of it is published yet" in page
    assert "This desk was never suspended" in page


def test_what_is_in_use_stands_there(site: Site) -> None:
    publisher = witnessed(site)
    with_audit(site.with_gallery(60))
    publisher.cover(None)
    html = page_of(site)
    page = text_of(html)
    assert f"{CARD.name} {CARD.version}" in page
    assert CARD.identity in html
    assert "0.363: so alike must two pictures be" in page
    assert "20 candidates, and those who tie with the last" in page
    assert "booking: 38 people, 38 pictures" in page
    assert "booking photos: about 40" in page
    assert "Public Records Act, section 5" in page
    assert publisher.log.root().hex() in html
    assert f"{publisher.log.size} entries" in page
    assert "the witness w1" in page
    assert "countenance record verify https://desk.example/log --policy policy" in page
    assert "Records Office, 1 Main Street" in page
    assert "Nobody can be searched" not in page


def test_months_without_anything_are_there(site: Site) -> None:
    site.public().post("/subject-requests/ask", {"name": "Paula Poe", "contact": "12 Elm Street"})
    site.clock.move(days=500)
    found = document(site).figures.months
    page = page_of(site)
    assert [one.month for one in found][:2] == ["2026-11", "2026-12"]
    assert len(found) == 18
    assert found[0].subject_requests == 1
    assert all(not one.requests and not one.subject_requests for one in found[1:])
    for name in ("November 2026", "December 2026", "February 2028", "April 2028"):
        assert f'<th scope="row">{name}</th>' in page
    assert "6 earlier months" in page


def test_the_picture_says_in_words_what_it_shows(site: Site) -> None:
    html = page_of(with_audit(site))
    picture = drawn(audit(), "0.363")
    assert picture.in_use
    assert picture.table is not None
    assert picture.opening in text_of(html).replace("&#34;", '"') or picture.opening in html
    for width in (picture.wide, picture.narrow):
        assert width is not None
        assert width in html
        assert 'role="img"' in width
        assert re.search(r"<desc[^>]*>.*interval.*</desc>", width)
    for row in picture.table.shown():
        assert all(cell in text_of(html) for cell in row if cell)


def test_a_picture_at_another_threshold_than_is_in_use_says_so(site: Site) -> None:
    assert not drawn(audit(), "0.4999").in_use
    made = with_audit(site).deployment.engine.card
    assert made.identity == CARD.identity
    without = dataclasses.replace(audit(), groupings=(), headline=-1, enrolment=())
    results = tuple(dataclasses.replace(at, groupings=()) for at in without.results)
    bare = drawn(dataclasses.replace(without, results=results), "0.363")
    assert bare.wide is None
    assert "no groups were asked for" in bare.finding


def test_numbers_can_be_had_and_checked(site: Site) -> None:
    with_audit(site)
    found = document(site)
    assert found.engine.audited is not None
    digest = found.engine.audited.audit
    answer = site.public().get(f"/public/audits/{digest}.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.content == audit().to_json().encode()
    assert site.public().get(f"/public/audits/{'f' * 64}.json").status_code == 404
    assert site.public().get("/public/audits/..%2f..%2fpolicy.json").status_code == 404


def test_an_audit_that_is_not_the_one_accepted_is_not_drawn(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_audit(site)
    other = audit(seed=8).to_json().encode()
    monkeypatch.setattr(auditpicture, "_kept", {})
    monkeypatch.setattr(auditpicture, "public_audit", lambda *_: other)
    answer = site.public().get("/")
    assert answer.status_code == 503
    assert "<svg" not in answer.text


def test_the_document_for_programs_says_what_the_page_says(site: Site) -> None:
    publisher = witnessed(site)
    with_audit(site.with_gallery(30))
    publisher.cover(None)
    answer = site.public().get("/public.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=60"
    plain = json.loads(answer.content)
    assert (plain["schema"], plain["version"]) == ("countenance-public-page", 1)
    found = document(site)
    assert found.head is not None
    assert found.head.meets_policy
    assert found.head.root == publisher.log.root().hex()
    assert found.policy == site.public().get("/policy").text
    assert found.engine.searches
    (gallery,) = found.figures.galleries
    assert f"booking: {gallery.people} people" in text_of(page_of(site))


def test_a_checkpoint_that_no_witness_signed_is_not_to_be_relied_on(site: Site) -> None:
    witnessed(site)
    site.deployment.log.publish()
    found = document(site)
    assert found.head is not None
    assert not found.head.meets_policy
    assert "not by whom the policy asks for: do not rely on it" in text_of(page_of(site))


def test_a_suspension_stands_there_with_how_long_it_lasted(site: Site) -> None:
    approver = site.joined("Ben Approve", Role.APPROVER)
    person = approver.person
    assert person is not None

    def turn(direction: Direction, ask: str, confirm: str, reason: Reason) -> None:
        switch = standing.ask(site.desk, site.admin.sign_in().to(ask), direction, reason=reason,
                              grounds="as the board ordered on Monday")  # fmt: skip
        standing.confirm(site.desk, person.sign_in().to(confirm), switch, direction)

    turn(Direction.DOWN, "desk.stand-down", "desk.confirm-stand-down", Reason.ORDER)
    page = text_of(page_of(site))
    assert "this desk was suspended on 2026-11-23 09:00 UTC" in page
    assert "it still is" in page
    assert site.public().get("/healthz").status_code == 200
    site.clock.move(days=2, hours=3, minutes=5)
    turn(Direction.UP, "desk.take-up", "desk.confirm-take-up", Reason.RESOLVED)
    page = text_of(page_of(site))
    assert "2 days, 3 hours order" in page
    assert "this desk was suspended" not in page
    assert "as the board ordered" not in page


def test_every_rule_pack_can_be_read(site: Site) -> None:
    visitor = site.public()
    for pack in site.deployment.house.library.values():
        answer = visitor.get(f"/packs/{pack.id}")
        assert answer.status_code == 200, pack.id
        assert answer.text.count("<li>") >= len(pack.rules)
    linked = re.findall(r'href="(/packs/[^"]+)"', page_of(site))
    assert linked
    assert all(visitor.get(path).status_code == 200 for path in linked)
    for path in ("nowhere", "..%2fpolicy", "%2e%2e%2fpolicy", "us/mi/detroit/", "US/MI", EVIL):
        assert visitor.get(f"/packs/{path}").status_code == 404


def test_nothing_on_it_is_run_and_all_is_text(site: Site) -> None:
    site.deployment = dataclasses.replace(site.deployment, name=EVIL, contact=EVIL, policy=EVIL)
    site.app = create_app(site.deployment)
    deskgalleries.made(site.desk, code="evil", basis=f"An act {EVIL}", purpose=f"For {EVIL}",
                       actor=site.admin.sign_in().to("gallery.create"))  # fmt: skip
    with_audit(site)
    answer = site.public().get("/")
    assert EVIL not in answer.text
    assert answer.text.count("&lt;script&gt;alert(1)") >= 4
    for never in ("<style", " style=", " onclick=", "javascript:", "http://"):
        assert never not in answer.text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert re.findall(r"<script[^>]*>", answer.text) == [
        f'<script type="module" src="{static_path("desk.js")}">'
    ]


def test_whoever_is_signed_in_has_their_menu_and_the_same_page(site: Site) -> None:
    visitor = site.joined("Rita Ray", Role.REQUESTER)
    answer = visitor.get("/")
    assert "My tasks" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    mine, theirs = (re.sub(r"(?s)<header.*?</header>", "", page)
                    for page in (answer.text, page_of(site)))  # fmt: skip
    assert mine == theirs


def test_counting_that_takes_long_is_done_once_for_many(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    counted: list[float] = []
    count = figures.public_figures

    def slow(*given: Any) -> Any:
        nonlocal now
        counted.append(now)
        now += 2.0
        return count(*given)

    monkeypatch.setattr(figures, "TIMES", 10)
    monkeypatch.setattr(figures, "public_figures", slow)
    monkeypatch.setattr(figures.time, "monotonic", lambda: now)
    for _ in range(5):
        figures.kept_figures(site.deployment)
    assert counted == [0.0]
    now = 21.9
    figures.kept_figures(site.deployment)
    assert counted == [0.0]
    now = 22.1
    figures.kept_figures(site.deployment)
    assert counted == [0.0, 22.1]
    site.desk.store.write(lambda db: setattr(db.get_one(Standing, 1), "down_since", site.clock()))
    assert figures.kept_figures(site.deployment).down_since == site.clock()


def test_while_one_counts_the_others_are_shown_what_was_counted_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = figures.kept_figures(site.deployment)
    begun, over = threading.Event(), threading.Event()
    count = figures.public_figures

    def slow(*given: Any) -> Any:
        begun.set()
        assert over.wait(20)
        return count(*given)

    monkeypatch.setattr(figures, "public_figures", slow)
    with ThreadPoolExecutor(1) as pool:
        one = pool.submit(figures.kept_figures, site.deployment)
        assert begun.wait(20)
        assert figures.kept_figures(site.deployment) is first
        over.set()
        assert one.result() is not first


def test_the_dark_theme_knows_every_colour_of_the_picture() -> None:
    loader = environment().loader
    assert loader is not None
    from importlib.resources import files

    css = files("countenance.web").joinpath("static", "desk.css").read_text()
    flat = re.sub(r"\s+", "", css)
    assert re.sub(r"\s+", "", figure_rules("figure svg")) in flat


def test_people_who_trained_or_asked_are_named_nowhere(site: Site) -> None:
    publisher: Witnessed = witnessed(site)
    visitor: Visitor = site.joined("Rita Ray", Role.REQUESTER)
    assert visitor.person is not None
    trained(site.admin, visitor.person, "requester")
    site.public().post("/subject-requests/ask", {"name": "Paula Poe", "contact": "12 Elm Street"})
    publisher.cover(None)
    everything = page_of(site) + site.public().get("/public.json").text
    for name in ("Rita Ray", "Paula Poe", "Ada First", "12 Elm"):
        assert name not in everything


def test_a_search_and_a_refusal_are_counted_and_nothing_of_the_case_is_told(site: Site) -> None:
    publisher = witnessed(site)
    cast = Cast.at(site).with_probe()
    request = cast.submitted()
    assert cast.approved(request).status_code == 303
    assert cast.rita.post(f"{request}/search", confirm="search.run").status_code == 303
    cast.submitted(**{"suspicion.level": "none"})
    publisher.cover(None)
    (month,) = document(site).figures.months
    assert month.requests == sum(month.outcomes.values()) == 2
    assert searched(month) == 1
    assert month.outcomes["refused"] == 1
    assert sum(month.refusals.values()) == 1
    html = page_of(site)
    page = text_of(html)
    assert "2 searches were asked for, 1 made, and 0 leads were given out" in page
    assert set(month.refusals) == {"no-ground"}
    assert "1 None of the grounds held on which the rules permit a search." in page
    everything = html + site.public().get("/public.json").text
    for secret in (
        "24-1234",
        "Mack Avenue",
        "Rita Ray",
        "Ann Prove",
        cast.case.rpartition("/")[2],
    ):
        assert secret not in everything


def test_a_refusal_is_said_by_the_rule_that_spoke() -> None:
    library = bundled()
    rule = next(one for pack in library.values() for one in pack.rules)
    code = rule.id.replace("#", "/")
    months = [SimpleNamespace(refusals={code: 2, "new-code": 1}), SimpleNamespace(refusals={}),
              SimpleNamespace(refusals={code: 1, "open": 2})]  # fmt: skip
    found = said_refusals(library, months)  # type: ignore[arg-type]
    assert found == [
        (code, 3, rule.says, rule.pack),
        ("open", 2, "Something was not known on which a rule turns.", ""),
        ("new-code", 1, "", ""),
    ]


def test_every_field_of_the_document_is_described() -> None:
    described = (Path(__file__).parents[2] / "docs" / "public-page.md").read_text()
    schema = DOCUMENT.json_schema()
    parts = [schema, *schema["$defs"].values()]
    names = {name for part in parts for name in part.get("properties", {})}
    assert len(names) > 50
    missing = [one for one in sorted(names) if not re.search(rf"\b{one}\b", described)]
    assert not missing
