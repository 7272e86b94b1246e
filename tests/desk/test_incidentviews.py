"""One incident with its words, for whom they are."""

from __future__ import annotations

from typing import Any

import pytest
from casework import BEN, EMMA, KEYS, MIA, ULF, person

from countenance.desk.errors import NotAllowedError
from countenance.desk.incidents import Cause, Finding, close_incident, open_incident
from countenance.desk.incidentviews import read_incident
from countenance.desk.roles import Role
from countenance.desk.service import Desk


def test_words_are_for_whoever_opened_it_approvers_and_auditors(desk: Desk) -> None:
    incident = open_incident(
        desk, EMMA, keys=KEYS, cause=Cause.COMPLAINT, grounds="somebody wrote to us"
    )

    def read(actor: Any) -> Any:
        return read_incident(desk, actor, incident, keys=KEYS)

    for actor in (EMMA, BEN, ULF):
        assert read(actor).grounds == "somebody wrote to us"
        assert read(actor).closing is None
    assert read(MIA).grounds is None
    assert read(person("olga", Role.EXAMINER)).grounds is None
    assert read(BEN).closable
    assert not read(ULF).closable
    close_incident(desk, BEN, incident, keys=KEYS, finding=Finding.CORRECTED, grounds="it is well")
    assert read(EMMA).closing == "it is well"
    assert read(MIA).closing is None
    assert not read(BEN).closable
    with pytest.raises(NotAllowedError):
        read_incident(desk, BEN, "0" * 32, keys=KEYS)


def test_whoever_opened_it_cannot_close_it(desk: Desk) -> None:
    incident = open_incident(
        desk, BEN, keys=KEYS, cause=Cause.FAULT, grounds="the list was shown twice"
    )
    assert not read_incident(desk, BEN, incident, keys=KEYS).closable
    assert read_incident(desk, person("bea", Role.APPROVER), incident, keys=KEYS).closable
