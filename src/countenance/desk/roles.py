"""Who may do what: one table, and nothing is allowed that is not in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What an account may be. Nobody who administers can search, approve or examine."""

    REQUESTER = "requester"
    APPROVER = "approver"
    EXAMINER = "examiner"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


EXCLUSIVE = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})
"""An account with one of these has no other role."""

APART = frozenset({Role.APPROVER, Role.EXAMINER})
"""An account has not both: approvers read every case, and its story biases who examines (F9)."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done at the desk.

    Attributes
    ----------
    roles
        Who may; empty: nobody but the desk itself.
    step_up
        The passkey is asked for again, because it has consequences.
    training
        The kind of training that must be current, if any.
    standing_down
        Still possible while the desk is suspended.
    """

    roles: frozenset[Role]
    step_up: bool = False
    training: str = ""
    standing_down: bool = False


def _by(*roles: Role, **more: object) -> Action:
    return Action(frozenset(roles), **more)  # type: ignore[arg-type]


_R, _A, _E, _U, _M = (
    Role.REQUESTER, Role.APPROVER, Role.EXAMINER, Role.AUDITOR, Role.ADMINISTRATOR,
)  # fmt: skip

ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        # accounts
        "account.invite": _by(_M, step_up=True),
        "account.roles": _by(_M, step_up=True),
        "account.suspend": _by(_M, step_up=True, standing_down=True),
        "account.revoke-passkey": _by(_M, step_up=True, standing_down=True),
        "account.training": _by(_M, step_up=True),
        "account.close": _by(_M, step_up=True),
        "account.replace-passkey": _by(_M, step_up=True),
        "account.confirm": _by(_M, step_up=True),
        "account.withdraw-request": _by(_M, standing_down=True),
        "account.own-passkey": _by(_R, _A, _E, _U, _M, step_up=True),
        "account.list": _by(_M, _U, standing_down=True),
        # galleries
        "gallery.create": _by(_M, step_up=True),
        "gallery.import": _by(_M, step_up=True),
        "gallery.import-plan": _by(_M),
        "gallery.cancel-import": _by(_M, standing_down=True),
        "gallery.erase-person": _by(_M, step_up=True, standing_down=True),
        "gallery.readmit": _by(_M, step_up=True),
        "gallery.disposition": _by(_M, step_up=True, standing_down=True),
        "gallery.imported": _by(),
        "gallery.purged": _by(standing_down=True),
        "gallery.list": _by(_R, _A, _E, _U, _M, standing_down=True),
        # cases
        "case.open": _by(_R, training="requester"),
        "case.amend": _by(_R, training="requester"),
        "case.move": _by(_R),
        "case.read": _by(_R, _A, _E, _U, standing_down=True),
        "case.list-closed": _by(_U, _M, standing_down=True),
        "case.ask-erasure": _by(_M, step_up=True, standing_down=True),
        "case.withdraw-erasure": _by(_M, standing_down=True),
        "case.confirm-erasure": _by(_U, step_up=True, standing_down=True),
        "case.refuse-erasure": _by(_U, step_up=True, standing_down=True),
        "probe.upload": _by(_R, training="requester"),
        "probe.edit": _by(_R, training="requester"),
        "probe.view": _by(_E, training="examiner"),
        "probe.judge": _by(_E, training="examiner"),
        "request.preview": _by(_R, training="requester"),
        "request.list": _by(_A),
        "request.submit": _by(_R, step_up=True, training="requester"),
        "request.withdraw": _by(_R),
        "request.approve": _by(_A, step_up=True, training="approver"),
        "request.refuse": _by(_A, step_up=True),
        "search.run": _by(_R, step_up=True, training="requester"),
        "search.read": _by(_R, standing_down=True),
        "search.seal": _by(_R),
        "search.open": _by(_R),
        # review and after
        "review.take": _by(_E, training="examiner"),
        "review.read": _by(_E, training="examiner"),
        "review.note-probe": _by(_E, training="examiner"),
        "review.conclude": _by(_E, step_up=True, training="examiner"),
        "review.result": _by(_R, _E, _U, standing_down=True),
        "known-answer.register": _by(_U, step_up=True),
        "known-answer.ask-erasure": _by(_U, step_up=True, standing_down=True),
        "known-answer.withdraw-erasure": _by(_U, standing_down=True),
        "known-answer.confirm-erasure": _by(_M, step_up=True, standing_down=True),
        "known-answer.refuse-erasure": _by(_M, step_up=True, standing_down=True),
        "known-answer.erasures": _by(_U, _M, standing_down=True),
        "known-answer.results": _by(_U, standing_down=True),
        "lead.read": _by(_R, _A, _E, _U, standing_down=True),
        "lead.evidence": _by(_R),
        "lead.checklist": _by(_R),
        "lead.supervise": _by(_A, step_up=True, training="approver"),
        "lead.issue": _by(_R, step_up=True, training="requester"),
        "lead.rely": _by(_R, step_up=True),
        "lead.outcome": _by(_R, standing_down=True),
        "incident.open": _by(_R, _A, _E, _U, _M, standing_down=True),
        "incident.read": _by(_R, _A, _E, _U, _M, standing_down=True),
        "incident.close": _by(_A, step_up=True, standing_down=True),
        # others
        "outside.ask": _by(_R, step_up=True, training="requester"),
        "outside.approve": _by(_A, step_up=True, training="approver"),
        "outside.read-ask": _by(_R, _A, standing_down=True),
        "outside.withdraw": _by(_R, standing_down=True),
        "outside.receive": _by(_R, standing_down=True),
        "outside.read": _by(_R),
        "outside.quarantine": _by(_A, _U, standing_down=True),
        "outside.release": _by(_A, step_up=True, training="approver"),
        # what falls due
        "account.expire-invitations": _by(standing_down=True),
        "joint.expire": _by(standing_down=True),
        "request.lapse": _by(standing_down=True),
        "search.finish": _by(),
        "search.interrupt": _by(standing_down=True),
        "lead.remind": _by(standing_down=True),
        "lead.note-removed": _by(standing_down=True),
        # what pages are made of
        "task.list": _by(_R, _A, _E, _U, _M, standing_down=True),
        "figures.read": _by(_R, _A, _U, _M, standing_down=True),
        "gallery.state": _by(_M, _U, step_up=True, standing_down=True),
        "gallery.entries": _by(_M, _U, standing_down=True),
        # the desk itself
        "setting.propose": _by(_M, step_up=True),
        "setting.approve": _by(_A, step_up=True),
        "setting.refuse": _by(_A, step_up=True),
        "setting.withdraw": _by(_M),
        "setting.read": _by(_R, _A, _E, _U, _M, standing_down=True),
        "audit.accept": _by(_U, step_up=True),
        "audit.withdraw": _by(_U, step_up=True, standing_down=True),
        "desk.configured": _by(standing_down=True),
        "desk.restored": _by(standing_down=True),
        "desk.standing": _by(_A, _U, _M, standing_down=True),
        "desk.stand-down": _by(_M, step_up=True, standing_down=True),
        "desk.confirm-stand-down": _by(_A, step_up=True, standing_down=True),
        "desk.take-up": _by(_M, step_up=True, standing_down=True),
        "desk.withdraw-switch": _by(_M, standing_down=True),
        "desk.confirm-take-up": _by(_A, step_up=True, standing_down=True),
        "record.read": _by(_U, _M, standing_down=True),
        "record.open-field": _by(_U, step_up=True, standing_down=True),
        "subject.enter": _by(_M, step_up=True, standing_down=True),
        "subject.list": _by(_U, _M, standing_down=True),
        "subject.read": _by(_M, standing_down=True),
        "subject.check": _by(_M, step_up=True, standing_down=True),
        "subject.refuse": _by(_M, step_up=True, standing_down=True),
        "subject.answer": _by(_M, step_up=True, standing_down=True),
    }
)
