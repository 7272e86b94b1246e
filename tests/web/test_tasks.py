"""The page of tasks: every task has a page that exists, and nobody's is another's."""

from __future__ import annotations

import re

from casepages import Cast
from fastapi.routing import iter_route_contexts
from webkit import Site

from countenance.desk.dashboards import OUTCOMES, ToDo
from countenance.desk.reviews import ReviewState
from countenance.desk.roles import Role
from countenance.web.pages import tasks


def test_every_task_says_what_and_leads_to_a_page_that_is_there(site: Site) -> None:
    assert set(tasks.SAYS) == set(ToDo)
    known = [
        re.compile(re.sub(r"\{[^}]+\}", "[^/]+", str(context.path)))
        for context in iter_route_contexts(site.app.routes) if "GET" in (context.methods or ())
    ]  # fmt: skip
    missing = [
        path for _, path in tasks.SAYS.values()
        if not any(each.fullmatch(path.format("0" * 32)) for each in known)
    ]  # fmt: skip
    assert missing == []


def test_every_outcome_is_said(site: Site) -> None:
    said = set(tasks.OUTCOMES) | {state.value for state in ReviewState}
    assert set(OUTCOMES) <= said
    rita = site.joined("Rita Ray", Role.REQUESTER)
    page = rita.get("/tasks").text
    assert "What became of your requests" in page
    assert page.count('<td class="n">0</td>') == len(OUTCOMES)  # zeros, too


def test_tasks_of_each_role_at_each_step(site: Site) -> None:
    cast = Cast.at(site)
    everybody = (cast.rita, cast.app, cast.emma)
    for visitor in everybody:
        assert "Nothing waits for you." in visitor.get("/tasks").text
    cast.with_probe()
    path = cast.submitted()
    assert "24-1234" in cast.rita.get("/tasks").text
    approver = cast.app.get("/tasks").text
    assert "/approvals/" + path[-32:] in approver
    assert "2026-11-26 09:00 UTC" in approver  # until when
    assert "What became of all requests" in approver
    examiner = cast.emma.get("/tasks").text
    assert "24-1234" not in examiner
    assert "What became of" not in examiner
    assert "Nothing waits for you." in examiner
    stranger = site.joined("Rolf Roe", Role.REQUESTER).get("/tasks").text
    assert "24-1234" not in stranger
    assert path[-32:] not in stranger


def test_a_deadline_that_passed_says_so(site: Site) -> None:
    cast = Cast.at(site)
    site.clock.move(days=400)
    auditor = cast.ulf.sign_in().get("/tasks").text
    assert "Renew an audit before it ends" in auditor
    assert "time is over" in auditor
    admin = site.administrator().get("/tasks").text
    assert "Find out why a gallery was not purged" in admin


def test_the_public_has_no_tasks(site: Site) -> None:
    assert site.public().get("/tasks").headers["location"] == "/sign-in?to=/tasks"
