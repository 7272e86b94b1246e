"""People at browsers, over HTTP, before a service that dies or loses what it needs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx

from countenance.web.demo.cast import Cast
from countenance.web.demo.device import InventedMaker, SimulatedDevice
from countenance.web.demo.making import CAST

_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')
_WORDS = re.compile(r'role="alert" tabindex="-1" id="problem">\s*<p><strong>([^<]{10,})</strong>')
_WAITS = re.compile(r"<p class=\"lead\">(The list is sealed, and waits for witnesses)")


class GoneError(Exception):
    """The service died before it answered, or is not there."""


class AwayError(Exception):
    """What the service needs is away: it said so, with words."""


@dataclass
class Caller:
    """Somebody at a browser. `lost` once an answer did not come: the session may be another."""

    people: People
    device: SimulatedDevice
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""
    lost: bool = False

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask. GoneError where nobody answers; AwayError for a 503, unless people are `calm`."""
        headers = {"cookie": "; ".join(f"{a}={b}" for a, b in self.cookies.items())}
        headers["host"] = self.people.origin.partition("://")[2]
        url = self.people.address + path
        try:
            answer = httpx.request(method, url, headers=headers, timeout=60, verify=False, **more)
        except httpx.HTTPError as error:
            self.lost = True
            raise GoneError(str(error)) from error
        assert answer.status_code != 500, answer.text
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        if answer.status_code == 503 and not self.people.calm:
            self.lost = True
            told = words_of(answer)
            self.people.told[told] += 1
            raise AwayError(told)
        return answer

    def get(self, path: str) -> httpx.Response:
        return self.send("GET", path)

    def ceremony(self, kind: str, body: dict[str, str] | None = None) -> httpx.Response:
        begun = self.send("POST", f"/passkey/{kind}/begin", json=body or {})
        if begun.status_code != 200:
            return begun
        answer = self.device.get(begun.json()["options"])
        return self.send("POST", f"/passkey/{kind}/finish", json={"answer": answer})

    def join(self, code: str) -> httpx.Response:
        begun = self.send("POST", "/passkey/join/begin", json={"code": code})
        if begun.status_code != 200:
            return begun
        answer = self.device.create(begun.json()["options"], self.people.maker)
        return self.send("POST", "/passkey/join/finish", json={"answer": answer})

    def sign_in(self) -> Caller:
        done = self.ceremony("sign-in")
        assert done.status_code == 200, done.text
        found = _TOKEN.search(self.get("/account").text)
        assert found
        self.token = found[1]
        return self

    def post(
        self, path: str, fields: dict[str, Any] | None = None, *, confirm: str = "",
        sign: tuple[str, str] | None = None, **more: Any,
    ) -> httpx.Response:  # fmt: skip
        """Send a form, the passkey asked before where the form would have it asked."""
        if confirm:
            self.ceremony("confirm", {"action": confirm})
        if sign:
            self.ceremony("sign", {"action": sign[0], "digest": sign[1]})
        return self.send("POST", path, data={"token": self.token, **(fields or {})}, **more)


def words_of(answer: httpx.Response) -> str:
    """What a 503 says: as the interface has it described, never bare."""
    if answer.headers["content-type"].startswith("application/problem+json"):
        told = answer.json()
        assert told["status"] == 503
        assert told["code"]
        return str(told["title"])
    if answer.text == "not well\n":  # /healthz, to whoever keeps the service
        return "not well"
    found = _WORDS.search(answer.text) or _WAITS.search(answer.text)
    assert found, answer.text
    return found[1].rstrip(".").lower()


class People:
    """The demonstration's people, who sign in again when their session may be gone.

    `told` counts the words of each 503. They are `calm` where a 503 is an answer like others.
    """

    def __init__(self, folder: Path, origin: str, *, calm: bool = False) -> None:
        self.folder, self.origin, self.calm = folder, origin, calm
        self.address = origin.replace("localhost", "127.0.0.1")  # and not first its other address
        self.maker = InventedMaker()
        self.told: Counter[str] = Counter()
        self._cast = Cast.read(folder / CAST)
        self._in: dict[str, Caller] = {}

    def let_join(self) -> People:
        """Let the deployment trust devices of the maker of these people's from now on."""
        (self.folder / "maker.pem").write_bytes(self.maker.root_pem)
        return self

    def __getitem__(self, name: str) -> Caller:
        found = self._in.get(name)
        if found is None or found.lost:
            found = self._in[name] = Caller(self, self._cast[name].device).sign_in()
        return found

    def forget(self) -> None:
        """Everybody signs in anew."""
        self._in.clear()
