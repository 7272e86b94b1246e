"""Debian's Chromium under Playwright: what a page did, asked for, and what is wrong with it.

A slow machine may take long for everything, so a page is awaited before anything of it is read.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from authenticator import Authenticator
from crawling import shape
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser")) if p), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NARROW, WIDE = 360, 1200
SHOTS = os.environ.get("COUNTENANCE_SHOTS", "")
"""Where pictures of all pages are kept: a folder, or empty for none."""
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing, and CI must have it")
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@dataclass
class Watched:
    """A context of one person, and everything in it that went wrong."""

    context: BrowserContext
    address: str
    page: Page = field(init=False)
    faults: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    story: str = ""
    cdp: Any = None
    device: str = ""

    def __post_init__(self) -> None:
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def came(self, path: str) -> None:
        """Go there, and look at what there is."""
        self.go(path)
        self.look()

    @property
    def here(self) -> str:
        """The path of the page, without what its address says beside."""
        path = self.page.url.removeprefix(self.address)
        return path.partition("?")[0].partition("#")[0]

    def look(self) -> None:
        """Nothing is wrong with this page as it is; a picture of it is kept.

        Pages that look the same, by address and first heading, are looked at once by all who
        share `seen`; what somebody is called makes no other page.
        """
        heading = self.page.locator("h1").first.text_content() or ""
        heading = re.sub("[0-9a-f]{8,}|[0-9]+|[A-Z][a-z]+ [A-Z][a-z]+", "*", heading).strip()
        sort = f"{shape(self.here)} {heading}"
        wrong = self.faults
        if sort not in self.seen:
            self.seen.add(sort)
            wrong = wrong + axe(self.page)
            self.page.set_viewport_size({"width": NARROW, "height": 800})
            if said := self.overflow():
                wrong.append(f"{self.here} at {NARROW} px: {said}")
            self.page.set_viewport_size({"width": WIDE, "height": 900})
            words = re.sub("[^a-z]+", "-", sort.lower())[:60].rstrip("-")
            self.shot(f"{self.story}-{len(self.seen):02}{words}")
        assert not wrong, "\n".join(wrong)

    def shot(self, name: str) -> None:
        """Keep a picture of the page, where somebody wants pictures."""
        if not SHOTS:
            return
        place = Path(SHOTS)
        place.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=place / f"{name}.png", full_page=True)

    def printed(self, name: str) -> None:
        """As it comes out of a printer: nothing to press, and nothing folded away."""
        self.page.emulate_media(media="print")
        assert not self.page.locator("button:visible, form:visible, header nav:visible").count()
        hidden = self.page.eval_on_selector_all(
            "main details > :not(summary)",
            "all => all.filter((one) => !one.checkVisibility({ contentVisibilityAuto: true }))"
            ".map((one) => one.textContent.slice(0, 80))",
        )
        assert not hidden, (self.here, hidden)
        self.shot(name)
        self.page.emulate_media(media="screen")

    def with_device(self) -> Watched:
        """A virtual authenticator of Chromium's: internal, verified, with resident keys."""
        self.cdp = self.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        made = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
            "hasUserVerification": True, "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }})  # fmt: skip
        self.device = made["authenticatorId"]
        return self

    def takes_over(self, other: Authenticator, rp_id: str) -> None:
        """The passkeys of a device of ours go on in Chromium's; ours is not used any more."""
        for credential, (key, handle) in other.keys.items():
            private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            self.cdp.send("WebAuthn.addCredential", {
                "authenticatorId": self.device,
                "credential": {
                    "credentialId": _standard(credential), "isResidentCredential": True,
                    "rpId": rp_id, "privateKey": _standard(private),
                    "userHandle": _standard(handle), "signCount": other.count + 1,
                },
            })  # fmt: skip

    def overflow(self) -> str:
        """What is wider than the window, if anything makes the page scroll sideways."""
        return str(self.page.evaluate(
            """() => {
              const root = document.documentElement;
              if (root.scrollWidth <= root.clientWidth) return "";
              const wide = [...document.querySelectorAll("body *")].filter((one) =>
                one.getBoundingClientRect().right > root.clientWidth + 1 &&
                !one.closest(".scroll"));
              return `${root.scrollWidth} > ${root.clientWidth}: ` +
                wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(" | ");
            }"""
        ))  # fmt: skip

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.faults.append(f"{self.page.url}: {message.text}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"{self.page.url}: a dialog said {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if not request.url.startswith(self.address + "/"):
            self.faults.append(f"{self.page.url} asked for {request.url}")


def _standard(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def axe(page: Page) -> list[str]:
    """Serious and critical issues that axe-core finds; the debugger brings it past the policy."""
    script = files("axe_playwright_python").joinpath("axe.min.js").read_text()
    page.evaluate(script)
    found = page.evaluate(
        "async () => (await axe.run({ resultTypes: ['violations'] })).violations"
    )
    return [
        f"{page.url} {one['id']} ({one['impact']}): "
        + json.dumps([node["html"][:160] for node in one["nodes"][:3]])
        for one in found if one["impact"] in ("serious", "critical")
    ]  # fmt: skip
