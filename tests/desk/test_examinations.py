"""One's own examination, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from reviewkit import World, notes

from countenance.desk.errors import NotAllowedError
from countenance.desk.examinations import own_examination
from countenance.desk.reviews import ExaminationState
from countenance.desk.service import Desk
from countenance.record import Log


@pytest.fixture
def world(desk: Desk, log: Log, clock: Any) -> World:
    return World(desk, clock, log)


def test_where_it_stands_and_what_was_noted(world: World) -> None:
    world.search()
    task = world.take("eve")

    def own(name: str = "eve", of: str = task) -> Any:
        return own_examination(world.desk, world.examiner(name), of, keys=world.keys)

    assert own().state is ExaminationState.TAKEN
    assert own().notes is None
    world.note("eve", task)
    assert own().state is ExaminationState.NOTED
    assert own().notes == notes()
    world.conclude("eve", task, "p-2")
    assert own().state is ExaminationState.CONCLUDED
    for name, of in (("fay", task), ("eve", "0" * 32)):
        with pytest.raises(NotAllowedError, match="there is no such examination for you"):
            own(name, of)
