"""Debian's Chromium under Playwright: what a page did, asked for, and what is wrong with it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser")) if p), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NARROW, WIDE = 360, 1200
SHOTS = os.environ.get("COUNTENANCE_SHOTS", "")
"""Where pictures of all pages are kept: a folder, or empty for none."""


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
    cdp: Any = None

    def __post_init__(self) -> None:
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def shot(self, name: str) -> None:
        """Keep a picture of the page, where somebody wants pictures."""
        if not SHOTS:
            return
        place = Path(SHOTS)
        place.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=place / f"{name}.png", full_page=True)

    def with_device(self) -> Watched:
        """A virtual authenticator of Chromium's: internal, verified, with resident keys."""
        self.cdp = self.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
            "hasUserVerification": True, "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }})  # fmt: skip
        return self

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
