"""The page of tasks: every task has a page that exists, and nobody's is another's."""

from __future__ import annotations

import re

from casepages import Cast
from webkit import Site

from countenance.desk.dashboards import OUTCOMES, ToDo
from countenance.desk.reviews import ReviewState
from countenance.desk.roles import Role
from countenance.web.access import declared_accesses, may_enter
from countenance.web.pages import tasks

R, A, E, U, M = Role
WHOSE = {
    R: "search-now finish-search answer-checklist issue-lead give-outcome look-again "
       "another-probe waits-for-approval",
    A: "approve-request supervise-lead approve-setting approve-ask decide-quarantine "
       "close-incident confirm-standing",
    E: "judge-probe examine",
    U: "renew-audit decide-erasure",
    M: "confirm-account look-at-account renew-training purge-overdue check-subject answer-subject "
       "decide-known-erasure",
}  # fmt: skip
"""Whose task each is; see `dashboards`."""


def test_every_task_leads_to_a_page_that_its_role_may_enter(site: Site) -> None:
    assert set(tasks.SAYS) == set(ToDo) == {ToDo(one) for all_of in WHOSE.values()
                                            for one in all_of.split()}  # fmt: skip
    routes = [
        (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), access)
        for method, path, access in declared_accesses(site.app) if method == "GET"
    ]  # fmt: skip
    for role, todos in WHOSE.items():
        for todo in map(ToDo, todos.split()):
            path = tasks.SAYS[todo][1].format("0" * 32)
            entries = [access for route, access in routes if route.fullmatch(path)]
            assert any(may_enter(access, frozenset({role})) for access in entries), (todo, entries)


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
