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
from demosite import copied, free_port, made
from faultkit import CaseWay, GoneError, People, Service, held, service_of


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory)


@pytest.fixture
def service(original: Path, tmp_path: Path) -> Iterator[Service]:
    with service_of(copied(original, tmp_path / "desk", free_port())) as found:
        yield found


def people_of(service: Service) -> People:
    return People(service.folder, service.found.origins[0])


def killed_all_along(service: Service, kills: int, seed: int) -> Counter[str]:
    """Walk cases while the service is killed at random steps; how often at which step."""
    chance = random.Random(seed)
    before, _ = service.events()
    people, ways, at = people_of(service), [], Counter[str]()
    done = 0
    while done < kills or not (ways and "issued" in ways[-1].done):
        service.start(chance.randint(1, 60) if done < kills else 0)
        way = ways[-1] if ways and "issued" not in ways[-1].done else None
        if way is None:
            way = CaseWay(people, f"K-{len(ways):04d}")
            ways.append(way)
        while way.go():
            if done >= kills:
                break
            way = CaseWay(people, f"K-{len(ways):04d}")
            ways.append(way)
        else:
            assert service.process is not None
            service.process.wait(20)
            steps = [name for name, _ in way.steps()]
            at[steps[len(way.done)]] += 1
            done += 1
        service.kill()
        held(service, before, ways)
        people.forget()
    assert all("issued" in way.done for way in ways)
    return at


def test_killed_at_random_steps_every_case_comes_to_its_end(service: Service) -> None:
    assert sum(killed_all_along(service, 3, seed=5).values()) == 3


@pytest.mark.slow
def test_killed_five_hundred_times(service: Service) -> None:
    at = killed_all_along(service, int(os.environ.get("FAULT_KILLS", "500")), seed=1)
    print(f"killed: {dict(at)}")
    assert len(at) > 5


def until(name: str, way: CaseWay) -> None:
    """Go on to before a step."""
    for step, work in way.steps():
        if step == name:
            return
        assert work()
        way.done.append(step)


def witness_of(service: Service) -> int:
    """The process of the witness beside the desk."""
    assert service.process is not None
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if str(service.found.places.witness).encode() in words:
                return int(process.name)
    raise AssertionError("no witness runs")


def test_without_its_witness_a_list_is_sealed_and_waits(service: Service) -> None:
    before, _ = service.events()
    service.start()
    way = CaseWay(people_of(service), "W-0001")
    until("searched", way)
    rita = way.people["Rita"]
    stopped = witness_of(service)
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
    for _ in range(60):
        opened = way.people["Rita"].post(f"{way.request}/search/open", confirm="search.open")
        if opened.status_code == 303:
            break
        time.sleep(0.5)
    assert way.go()
    service.kill()
    held(service, before, [way])


def test_two_approvers_two_examiners_and_two_administrators_racing(service: Service) -> None:
    service.start()
    way = CaseWay(people_of(service), "R-0001")
    until("approved", way)
    people = way.people
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

    for step, work in way.steps()[5:6]:
        assert work()
        way.done.append(step)
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
    before, _ = service.events()
    wal_and_more = max(each.stat().st_size for each in service.folder.rglob("*") if each.is_file())
    service.start(limit_bytes=wal_and_more + 150_000)
    people, ways, refused = people_of(service), [], 0
    for number in range(200):
        way = CaseWay(people, f"F-{number:04d}")
        try:
            way.open()
            way.upload()
        except (AssertionError, GoneError, KeyError):
            refused += 1
            break
        ways.append(way)
    assert refused, "the disk never filled"
    page = people["Rita"].get("/tasks")
    assert page.status_code in (200, 503), page.text
    service.kill()
    service.start()  # there is room again
    people.forget()
    assert "a fault at" not in (service.folder / "served.txt").read_text()
    last = CaseWay(people, "F-9999")
    assert last.open()
    assert last.upload()
    for way in ways:
        assert people["Rita"].get(way.case).status_code == 200
    service.kill()
    held(service, before, [*ways, last])
