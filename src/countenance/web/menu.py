"""The menu: which pages there are for whom, by the action that each is for."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.desk.roles import ACTIONS, Role


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the menu; without an action it is for every account."""

    name: str
    path: str
    action: str = ""


ITEMS = (
    Item("My tasks", "/tasks"),
    Item("Cases", "/cases", "case.read"),
    Item("Approvals", "/approvals", "request.list"),
    Item("Probes to judge", "/probes", "probe.judge"),
    Item("Reviews", "/reviews", "review.take"),
    Item("Known answers", "/known-answers", "known-answer.results"),
    Item("Leads", "/leads", "lead.read"),
    Item("Other agencies", "/outside", "outside.quarantine"),
    Item("Galleries", "/galleries", "gallery.list"),
    Item("Engines and settings", "/settings", "setting.read"),
    Item("Incidents", "/incidents", "incident.read"),
    Item("Accounts", "/accounts", "account.list"),
    Item("Subject requests", "/subject-requests", "subject.list"),
    Item("Erasing cases", "/erasures", "case.list-closed"),
    Item("The record", "/record", "record.read"),
    Item("Suspend or resume", "/standing", "desk.standing"),
    Item("My account", "/account"),
)


def menu_of(roles: frozenset[Role]) -> tuple[Item, ...]:
    """The items for somebody with these roles; none for the public."""
    if not roles:
        return ()
    return tuple(one for one in ITEMS if not one.action or roles & ACTIONS[one.action].roles)
