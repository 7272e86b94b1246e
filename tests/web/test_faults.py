"""The service, its witness and its database killed, its disk full, its clock wrong; people racing.

What must hold after each: nothing was shown that is not in the log, nothing that was acknowledged
is lost, and the case goes on to its end.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from demosite import copied, made
from faultkit import Service, held, quiet_port, service_of
from faultpeople import AwayError, People
from faultstrikes import soon, ways_of
from faultways import CaseWay


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory)


@pytest.fixture
def service(original: Path, tmp_path: Path) -> Iterator[Service]:
    with service_of(copied(original, tmp_path / "desk", quiet_port())) as found:
        yield found


@pytest.fixture
def killable(original: Path, tmp_path: Path) -> Iterator[Service]:
    """One that leaves its witness alive, so that it is back sooner."""
    with service_of(
        copied(original, tmp_path / "desk", quiet_port()), keeps_witness=False
    ) as found:
        yield found


def people_of(service: Service, *, calm: bool = False) -> People:
    return People(service.folder, service.found.origins[0], calm=calm)


STEPS = (30, 120)
"""At most so many steps towards a disk until a kill: within a request, or over several."""


def killed_all_along(service: Service, kills: int, seed: int) -> Counter[str]:
    """Walk ways while the service is killed at random steps; how often at which step.

    One in ten is killed at once, while it finishes what the one before left.
    """
    chance = random.Random(seed)
    before = service.read().kinds.copy()
    coming, at = ways_of(people_of(service).let_join()), Counter[str]()
    ways = [next(coming)]
    while sum(at.values()) < kills or not ways[-1].at_its_end:
        last = sum(at.values()) >= kills
        early = not last and chance.random() < 0.1
        service.arm(chance.randint(1, 3) if early else 0)
        lives = service.start()
        if not early and not last:
            service.arm(chance.randint(1, chance.choice(STEPS)))
        while lives and ways[-1].go() and not last:
            ways.append(next(coming))
        if not last:
            assert service.dies(), ways[-1].gone
            at[ways[-1].at if lives else "starting"] += 1
            if not sum(at.values()) % 50:
                print(f"{sum(at.values())} kills: {dict(at)}", flush=True)
        service.kill()
        held(service, before, ways)
    return at


def test_killed_at_random_steps_every_way_comes_to_its_end(killable: Service) -> None:
    assert sum(killed_all_along(killable, 5, seed=5).values()) == 5


def test_what_is_acknowledged_is_in_the_log_at_that_moment(killable: Service) -> None:
    before = killable.read().kinds.copy()
    way = CaseWay(people_of(killable), "A-0001")
    for step in (way.open, way.upload):  # the answer to a form is the last that either sees
        killable.start()
        assert step()
        killable.kill()
        held(killable, before, [way])


@pytest.mark.slow
def test_killed_five_hundred_times(killable: Service) -> None:
    kills = int(os.environ.get("FAULT_KILLS", "500"))
    began = time.monotonic()
    at = killed_all_along(killable, kills, seed=1)
    print(f"killed in {time.monotonic() - began:.0f} s: {dict(at)}; {dict(killable.steps())}")
    assert len(at) == 19 or kills < 500, at


def until(name: str, way: CaseWay) -> None:
    """Go on to before a step."""
    for step, work in way.steps():
        if step == name:
            return
        if step in way.done:
            continue
        assert work()
        way.done.append(step)


def test_without_its_witness_a_list_is_sealed_and_waits(service: Service) -> None:
    before = service.read().kinds.copy()
    service.start()
    way = CaseWay(people_of(service, calm=True), "W-0001")
    until("searched", way)
    rita = way.people["Rita"]
    stopped = service.witness()
    os.kill(stopped, signal.SIGSTOP)  # one that hangs: a killed one is back within a second
    try:
        answer = rita.post(f"{way.request}/search", confirm="search.run")
        assert answer.status_code == 503
        assert "The list is sealed, and waits for witnesses" in answer.text
        assert "There is a list with" not in answer.text
        assert "not shown yet" in rita.get(way.case).text
    finally:
        os.kill(stopped, signal.SIGKILL)
    way.people.forget()
    soon(lambda: way.people["Rita"].post(
        f"{way.request}/search/open", confirm="search.open"
    ).status_code == 303)  # fmt: skip
    assert way.go()
    service.kill()
    held(service, before, [way])


def test_two_approvers_two_examiners_and_two_administrators_racing(service: Service) -> None:
    service.start()
    way = CaseWay(people_of(service), "R-0001")
    until("approved", way)
    people = way.people
    for name in ("Emma", "Elias", "Esi"):
        people[name].get("/reviews")
    path = "/approvals/" + way.request.rpartition("/")[2]
    digests = {
        name: re.findall(r'data-digest="([0-9a-f]{64})"', people[name].get(path).text)[0]
        for name in ("Asa", "Amir")
    }
    for name, digest in digests.items():
        signed = people[name].ceremony("sign", {"action": "request.approve", "digest": digest})
        assert signed.status_code == 200

    def race(*calls: tuple[str, str, dict[str, str]]) -> list[int]:
        with ThreadPoolExecutor(len(calls)) as pool:
            return sorted(pool.map(lambda one: people[one[0]].post(one[1], one[2]).status_code,
                                   calls))  # fmt: skip

    found = race(*((name, path, {"digest": digest}) for name, digest in digests.items()))
    assert found == [303, 409]

    until("examined", way)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(
            lambda name: people[name].post("/reviews/take").headers.get("location", ""),
            ["Emma", "Elias", "Esi"] * 2,
        ))  # fmt: skip
    tasks = [each for each in answers if re.search(r"/reviews/[0-9a-f]{32}", each)]
    assert tasks
    assert way.go()  # exactly one review, one lead, whoever took which task

    leads = re.findall(r'"(/leads/[0-9a-f]{32})"', people["Rita"].get(way.case).text)
    assert set(leads) == {way.lead}

    people["Ada"].post(
        "/accounts/invite",
        {"name": "Third One", "roles": "administrator", "grounds": "a third is needed here"},
        confirm="account.invite",
    )
    page = people["Adil"].get("/accounts").text
    (asked,) = set(re.findall(r'href="(/accounts/requests/[0-9a-f]{32})"', page))
    for name in ("Ada", "Adil"):
        people[name].ceremony("confirm", {"action": "account.confirm"})
    found = race(("Adil", f"{asked}/confirm", {}), ("Ada", f"{asked}/refuse", {}))
    assert found in ([200, 409], [303, 409])
    service.kill()


def test_a_clock_that_went_back_is_refused_with_words(service: Service) -> None:
    service.start(FAULT_CLOCK_S="3600")
    way = CaseWay(people_of(service), "C-0001")
    assert way.open()  # an event an hour ahead
    service.kill()
    with pytest.raises(AssertionError, match="the clock is behind the newest event"):
        service.start()


def test_a_clock_that_goes_ahead_ends_sessions(service: Service) -> None:
    service.start()
    people = people_of(service)
    rita = people["Rita"]
    assert rita.get("/tasks").status_code == 200
    service.kill()
    service.start(FAULT_CLOCK_S="7200")
    answer = rita.get("/tasks")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_a_full_disk_is_a_clean_refusal_and_nothing_is_lost(service: Service) -> None:
    before = service.read().kinds.copy()
    wal_and_more = max(each.stat().st_size for each in service.folder.rglob("*") if each.is_file())
    service.start(limit_bytes=wal_and_more + 150_000)
    people, ways, refused = people_of(service), [], 0
    for number in range(200):
        way = CaseWay(people, f"F-{number:04d}")
        try:
            way.open()
            way.upload()
        except AwayError:  # with words: anything else would be no clean refusal
            refused += 1
            break
        ways.append(way)
    assert refused, "the disk never filled"
    with contextlib.suppress(AwayError):
        assert people["Rita"].get("/tasks").status_code == 200
    service.kill()
    held(service, before, ways)  # not only once there was room to finish it
    service.start()
    people.forget()
    last = CaseWay(people, "F-9999")
    assert last.open()
    assert last.upload()
    for way in ways:
        assert people["Rita"].get(way.case).status_code == 200
    service.kill()
    held(service, before, [*ways, last])
