"""Two hundred people at their browsers: what they look at and do, how long it takes, what fails.

One event loop, one connection a person, and between two pages a person thinks for a time that is
exponential. They do what their roles do, and hand a case on to each other as people do: opened,
its probe uploaded and judged, its search submitted, approved and made.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
from bench.loadengine import portrait
from bench.loadmade import GALLERY, WORDS

from countenance.web.demo.device import SimulatedDevice
from countenance.web.demo.scenery import read_script

OPENS_A_CASE = 0.02  # of a requester's steps: with five seconds between two, each in four minutes
_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_DIGEST = re.compile(r'data-digest="([0-9a-f]{64})"')
_CASE = re.compile(r'href="(/cases/[0-9a-f]{32})"')


@dataclass
class Seen:
    """What all users measured together."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    measuring: bool = False


@dataclass
class Handed:
    """Cases on their way from one person to the next."""

    judge: list[str] = field(default_factory=list)
    submit: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    approve: list[str] = field(default_factory=list)
    search: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


class User:
    """Somebody with a browser."""

    def __init__(
        self, name: str, role: str, device: SimulatedDevice | None, origin: str, seen: Seen,
        handed: Handed, rows: int, run: str,
    ) -> None:  # fmt: skip
        self.name, self.role, self.device, self.seen, self.handed = (
            name,
            role,
            device,
            seen,
            handed,
        )
        self.rows, self.run = rows, run
        self.http = httpx.AsyncClient(base_url=origin, timeout=60)
        self.cookies: dict[str, str] = {}
        self.token = ""
        self.owner: dict[str, str] = {}
        self.numbers = itertools.count()
        self.known: list[str] = []  # paths of cases this user may read

    async def send(
        self, what: str, method: str, path: str, *, kept: str = "page",
        good: tuple[int, ...] = (200, 303), **more: Any,
    ) -> httpx.Response:  # fmt: skip
        """One request, measured under a name."""
        headers = {"cookie": "; ".join(f"{a}={b}" for a, b in self.cookies.items())}
        began = time.perf_counter()
        try:
            answer = await self.http.request(method, path, headers=headers, **more)
        except httpx.HTTPError as error:
            self.seen.wrong[f"{what}: {type(error).__name__}"] += 1
            raise
        took = time.perf_counter() - began
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        if self.seen.measuring:
            self.seen.times[f"{kept} {what}"].append(took)
            if answer.status_code not in good:
                self.seen.wrong[f"{what}: {answer.status_code}"] += 1
        return answer

    async def look(self, what: str, path: str) -> httpx.Response:
        return await self.send(what, "GET", path)

    async def ceremony(self, kind: str, body: dict[str, str] | None = None) -> None:
        begun = await self.send(
            "passkey begins", "POST", f"/passkey/{kind}/begin", json=body or {}
        )
        assert self.device is not None
        answer = self.device.get(begun.json()["options"])
        await self.send("passkey answers", "POST", f"/passkey/{kind}/finish",
                        json={"answer": answer})  # fmt: skip

    async def sign_in(self) -> None:
        await self.ceremony("sign-in")
        found = _TOKEN.search((await self.look("account", "/account")).text)
        assert found, self.name
        self.token = found[1]

    async def form(
        self, what: str, path: str, fields: dict[str, Any], *, kept: str = "form", **more: Any
    ) -> httpx.Response:
        return await self.send(what, "POST", path, kept=kept, good=(303,),
                               data={"token": self.token, **fields}, **more)  # fmt: skip

    async def step(self) -> None:
        """The next thing this person does."""
        await getattr(self, f"as_{self.role}")()

    async def as_public(self) -> None:
        where = random.choices(
            ("/", "/public.json", "/log/checkpoint", "/sign-in", "/subject-requests/ask"),
            (60, 10, 10, 10, 10),
        )[0]
        await self.look("public" if where == "/" else where, where)

    async def as_requester(self) -> None:
        if self.handed.search[self.name]:
            return await self.search(self.handed.search[self.name].pop())
        if self.handed.submit[self.name]:
            return await self.submit(*self.handed.submit[self.name].pop())
        roll = random.random()
        if roll < OPENS_A_CASE:
            return await self.open_case()
        await self.browse(roll)

    async def browse(self, roll: float) -> None:
        if roll < 0.38:
            await self.look("tasks", "/tasks")
        elif roll < 0.56 or not self.known:
            after = f"?after=B-{random.randrange(50_000):06d}" if roll < 0.5 else ""
            page = await self.look("case list", f"/cases{after}")
            self.known = (_CASE.findall(page.text) or self.known)[:50]
        elif roll < 0.85:
            await self.look("case file", random.choice(self.known))
        elif roll < 0.90:
            await self.look("gallery", f"/galleries/{GALLERY}")
        elif roll < 0.93:
            await self.look("galleries", "/galleries")
        elif roll < 0.96:
            await self.look("form of a case" if self.role == "requester" else "account",
                            "/cases/new" if self.role == "requester" else "/account")  # fmt: skip
        else:
            await self.look("leads", "/leads")

    async def open_case(self) -> None:
        number = f"L-{self.run}-{self.name[-3:]}-{next(self.numbers)}"
        fields = {
            "number": number, "purpose": "identify-suspect", "offence": "MCL 750.529",
            "offences": ["felony", "serious", "violent", "part-1-violent"],
            "narrative": " ".join(random.choices(WORDS.split(), k=60)),
        }  # fmt: skip
        made = await self.form("open a case", "/cases/new", fields)
        if made.status_code != 303:
            return
        case = made.headers["location"].partition("?")[0]
        await think(2)
        await self.look("form of a probe", f"{case}/probes/new")
        await think(2)
        stated = {
            "sort": "cctv-frame", "shows": "shown-by-record", "known_by": "recording-of-the-act",
            "provenance": "frame 1204 of the camera above the door", "captured_on": "2026-11-04",
        }  # fmt: skip
        data = portrait(random.randrange(self.rows), random.randrange(1, 10**6))
        made = await self.form("upload a probe", f"{case}/probes/new", stated,
                               files={"file": ("frame.png", data, "image/png")})  # fmt: skip
        if made.status_code == 303:
            probe = made.headers["location"].partition("?")[0]
            self.owner[probe] = case
            self.handed.judge.append(f"{self.name} {case} {probe}")

    async def submit(self, case: str, probe: str) -> None:
        await self.look("form of a request", f"{case}/requests/new")
        await think(3)
        fields = request_fields(probe)
        await self.send("judged as it is filled in", "POST", f"{case}/requests/review",
                        kept="form", data={"token": self.token, **fields})  # fmt: skip
        await self.ceremony("confirm", {"action": "request.submit"})
        made = await self.form("submit a request", f"{case}/requests/submit", fields)
        if made.status_code == 303:
            request = made.headers["location"].partition("?")[0]
            self.handed.approve.append(f"{self.name} {request}")

    async def search(self, request: str) -> None:
        await self.look("request", request)
        await self.ceremony("confirm", {"action": "search.run"})
        made = await self.form("search", f"{request}/search", {}, kept="search")
        if made.status_code == 303:
            self.seen.done["searches"] += 1
            await self.look("search", f"{request}/search")

    async def as_examiner(self) -> None:
        if self.handed.judge:
            who, case, probe = self.handed.judge.pop(0).rsplit(" ", 2)
            page = await self.look("form of a judgement", f"{probe}/judge")
            image = dict(_HIDDEN.findall(page.text)).get("image", "")
            await think(2)
            made = await self.form("judge a probe", f"{probe}/judge", {
                "image": image, "suitable": "yes", "reason": "clear-enough"})  # fmt: skip
            if made.status_code == 303:
                self.handed.submit[who].append((case, probe))
            return
        what, where = random.choice(
            [
                ("tasks", "/tasks"),
                ("probes", "/probes"),
                ("reviews", "/reviews"),
                ("gallery", f"/galleries/{GALLERY}"),
            ]
        )
        await self.look(what, where)

    async def as_approver(self) -> None:
        if self.handed.approve:
            who, request = self.handed.approve.pop(0).rsplit(" ", 1)
            path = "/approvals/" + request.rpartition("/")[2]
            page = await self.look("request to approve", path)
            digest = _DIGEST.search(page.text)
            if digest is None:
                self.seen.wrong["request to approve: no digest"] += 1
                return
            await think(3)
            await self.ceremony("sign", {"action": "request.approve", "digest": digest[1]})
            made = await self.form("approve", path, {"digest": digest[1]})
            if made.status_code == 303:
                self.handed.search[who].append(request)
            return
        if random.random() < 0.2:
            await self.look("approvals", "/approvals")
        else:
            await self.browse(random.random())

    async def as_auditor(self) -> None:
        roll = random.random()
        if roll < 0.3:
            await self.look("record", "/record")
        elif roll < 0.4:
            await self.look("audits", "/audits")
        else:
            await self.browse(random.random())

    async def as_administrator(self) -> None:
        what, where = random.choice(
            [
                ("tasks", "/tasks"),
                ("accounts", "/accounts"),
                ("gallery", f"/galleries/{GALLERY}"),
                ("settings", "/settings"),
            ]
        )
        await self.look(what, where)


def request_fields(probe: str) -> dict[str, Any]:
    """A request's form, filled in lawfully."""
    stated: dict[str, Any] = {}
    for name, value in read_script().stated.items():
        if isinstance(value, bool):
            stated[name] = "yes" if value else "no"
        elif isinstance(value, list):
            stated[name] = value or ["none-of-these"]
        else:
            stated[name] = str(value)
    for n, (kind, reference, by) in enumerate(
        [("warrant", "W-77", "Judge Roe"), ("court-order", "O-12", "Judge Roe"),
         ("supervisor", "memo", "Lt. Poe")], 1,
    ):  # fmt: skip
        stated |= {f"kind-{n}": kind, f"reference-{n}": reference, f"issued_by-{n}": by,
                   f"issued_on-{n}": "2026-11-20"}  # fmt: skip
    return {"probe": probe.rpartition("/")[2], "gallery": GALLERY, **stated,
            "elsewhere_none": "yes"}  # fmt: skip


async def think(mean_s: float) -> None:
    await asyncio.sleep(random.expovariate(1 / mean_s))


async def run(
    cast: dict[str, Any], origin: str, *, rows: int, users: int, think_s: float, warm_s: float,
    seconds: float, each: Callable[[Seen], Awaitable[None]],
) -> Seen:  # fmt: skip
    """Let them work; `each` is called every ten seconds."""
    seen, handed = Seen(), Handed()
    run_id = f"{int(time.time()) % 10**8}"
    everybody = [
        User(name, kept["role"], SimulatedDevice.from_json(kept["device"]), origin, seen, handed,
             rows, run_id)
        for name, kept in cast.items()
    ]  # fmt: skip
    everybody += [
        User(f"public {n:03d}", "public", None, origin, seen, handed, rows, run_id)
        for n in range(200 - len(everybody))
    ]
    random.shuffle(everybody)
    ends = asyncio.get_running_loop().time() + warm_s + seconds

    async def live(user: User, late_s: float) -> None:
        await asyncio.sleep(late_s)
        try:
            if user.device is not None:
                await user.sign_in()
            while asyncio.get_running_loop().time() < ends:
                await think(think_s)
                with contextlib.suppress(httpx.HTTPError):  # counted
                    await user.step()
        except Exception as error:
            seen.wrong[f"user fell out: {type(error).__name__} {error}"[:200]] += 1
        finally:
            await user.http.aclose()

    tasks = [
        asyncio.create_task(live(user, warm_s * 0.7 * at / users))
        for at, user in enumerate(everybody[:users])
    ]
    await asyncio.sleep(warm_s)
    seen.measuring = True
    while asyncio.get_running_loop().time() < ends:
        await asyncio.sleep(min(10, max(0.1, ends - asyncio.get_running_loop().time())))
        await each(seen)
    seen.measuring = False
    await asyncio.gather(*tasks)
    return seen
