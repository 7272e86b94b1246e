"""My tasks: what waits, since when and until when, each with a link to where it is done."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.desk.dashboards import Task, ToDo, my_work, searches_by_outcome
from countenance.desk.roles import ACTIONS
from countenance.desk.worklists import case_numbers
from countenance.web.access import needs
from countenance.web.at import At

router = APIRouter()

SAYS: Mapping[ToDo, tuple[str, str]] = {
    ToDo.SEARCH_NOW: ("Make the approved search", "/requests/{}"),
    ToDo.FINISH_SEARCH: ("Finish a search that was begun", "/requests/{}/search"),
    ToDo.ANSWER_CHECKLIST: ("Answer what speaks against a lead", "/leads/{}"),
    ToDo.ISSUE_LEAD: ("Issue a lead", "/leads/{}"),
    ToDo.GIVE_OUTCOME: ("Say what became of a lead", "/leads/{}"),
    ToDo.LOOK_AGAIN: ("Look at a lead again: what it rests on no longer stands", "/leads/{}"),
    ToDo.ANOTHER_PROBE: ("Find a better probe: this one is not suitable", "/probes/{}"),
    ToDo.WAITS_FOR_APPROVAL: ("Nothing to do: a second person is awaited", "/requests/{}"),
    ToDo.APPROVE_REQUEST: ("Approve or decline a request", "/approvals/{}"),
    ToDo.SUPERVISE_LEAD: ("Look at a lead as its supervisor", "/leads/{}"),
    ToDo.APPROVE_SETTING: ("Approve or refuse a setting", "/settings/{}"),
    ToDo.APPROVE_ASK: ("Approve that others are asked", "/outside/asks/{}"),
    ToDo.DECIDE_QUARANTINE: ("Decide on a result in quarantine", "/outside"),
    ToDo.CLOSE_INCIDENT: ("Decide on an incident", "/incidents/{}"),
    ToDo.CONFIRM_STANDING: ("Confirm that the desk is suspended or resumed", "/standing"),
    ToDo.JUDGE_PROBE: ("Judge whether a picture is good enough", "/probes/{}/judge"),
    ToDo.EXAMINE: ("Examine", "/reviews/{}"),
    ToDo.RENEW_AUDIT: ("Renew an audit before it ends", "/audits/{}"),
    ToDo.DECIDE_ERASURE: ("Confirm or refuse that a case is erased", "/erasures/{}"),
    ToDo.DECIDE_KNOWN_ERASURE: ("Confirm or refuse that a known-answer list is erased",
                                "/known-answers/erasures"),
    ToDo.CONFIRM_ACCOUNT: ("Confirm what needs two administrators", "/accounts/requests/{}"),
    ToDo.LOOK_AT_ACCOUNT: ("Look at an account whose passkey answered as a copy would",
                           "/accounts/{}"),
    ToDo.RENEW_TRAINING: ("Renew a training before it ends", "/accounts/{}"),
    ToDo.CHECK_SUBJECT: ("Check who asks whether they are in a gallery", "/subject-requests/{}"),
    ToDo.ANSWER_SUBJECT: ("Answer somebody who asks whether they are in a gallery",
                          "/subject-requests/{}"),
    ToDo.PURGE_OVERDUE: ("Find out why a gallery was not purged", "/galleries/{}"),
}  # fmt: skip
"""What each task says, and where it is done; ``{}`` is the id that the task is of."""
OUTCOMES: Mapping[str, str] = {
    "pending": "waiting for approval",
    "approved": "approved, search not begun",
    "refused": "refused by law or policy",
    "declined": "declined by the second person",
    "withdrawn": "withdrawn",
    "lapsed": "not approved or not made in time",
    "void": "void: what they were about had changed",
    "begun": "permitted, not yet searched",
    "running": "searching",
    "sealed": "sealed, waiting for witnesses",
    "open-empty": "no candidate",
    "open-unreviewed": "candidates, being examined",
}
"""How an outcome is said; how a review came out says itself."""


@dataclass(frozen=True, slots=True)
class Line:
    """One task on the page. `late`: its time is over."""

    says: str
    path: str
    case_number: str
    since: datetime.datetime
    due: datetime.datetime | None
    late: bool


@router.get("/tasks")
def tasks_page(at: Annotated[At, needs("task.list")]) -> Response:
    """What waits for whoever looks, what ends first comes first; and what became of searches."""
    viewer = at.looker()
    tasks = my_work(at.desk, viewer)
    numbers: Mapping[str, str] = {}
    if tasks and viewer.roles & ACTIONS["case.read"].roles:
        numbers = case_numbers(at.desk, viewer, [task.of for task in tasks])
    outcomes: Mapping[str, int] = {}
    if viewer.roles & ACTIONS["figures.read"].roles:
        outcomes = searches_by_outcome(at.desk, viewer)
    return at.page(
        "tasks/tasks.html.j2", lines=[_line(at, task, numbers) for task in tasks],
        outcomes=[(OUTCOMES.get(code, code.replace("-", " ")), n)
                  for code, n in outcomes.items()],
    )  # fmt: skip


def _line(at: At, task: Task, numbers: Mapping[str, str]) -> Line:
    says, path = SAYS[task.what]
    late = task.due is not None and task.due <= at.desk.now()
    return Line(says, path.format(task.of), numbers.get(task.of, ""), task.since, task.due, late)
