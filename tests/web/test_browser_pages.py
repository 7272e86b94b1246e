"""Every page in a real browser: nothing from elsewhere, nothing too wide, nothing inaccessible."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browserkit import NARROW, WIDE, Watched, axe, browser
from crawling import shape
from demosite import Demo, demo_of, served

from countenance.web.demo.cast import ROLES

PEOPLE = ("public", "Ada Moreno", "Ulla Brandt", "Rita Okafor", "Amir Novak", "Esi Boateng")
"""One of each role, and anybody."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo_of(tmp_path_factory) as made, served(made.app, made.address):
        yield made


def _become(watched: Watched, name: str) -> None:
    watched.go("/demo")
    watched.page.get_by_role("button", name=f"Be {name}").click()
    watched.page.wait_for_url("**/tasks")


def _pages(watched: Watched, start: str) -> Iterator[str]:
    """One page of each shape that can be reached by links."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop(0)
        if shape(path) in seen or re.search(r"\.(json|png)$|^/log|^/policy|/file$|/proof", path):
            continue
        seen.add(shape(path))
        watched.go(path)
        if watched.page.evaluate("document.contentType") != "text/html":
            watched.faults.clear()  # the browser's own page around a picture has styles
            continue
        yield path
        found: list[str] = watched.page.eval_on_selector_all(
            "a[href^='/']", "links => links.map((one) => one.getAttribute('href'))"
        )
        waiting += [one.partition("#")[0].partition("?")[0] for one in found]


@pytest.mark.parametrize("name", PEOPLE)
def test_every_page(demo: Demo, name: str) -> None:
    """Accessible in light and dark, narrow enough, and alone under its policy."""
    wrong: list[str] = []
    seen = 0
    with browser() as chromium:
        context = chromium.new_context(viewport={"width": WIDE, "height": 900})
        watched = Watched(context, demo.address)
        if name != "public":
            _become(watched, name)
        for path in _pages(watched, "/" if name == "public" else "/tasks"):
            seen += 1
            page = watched.page
            broken = page.eval_on_selector_all(
                "img", "images => images.filter((one) => !one.naturalWidth).map((one) => one.src)"
            )
            wrong += [f"{path}: no picture at {one}" for one in broken]
            wrong += watched.faults
            watched.faults.clear()
            file = f"{name.split()[0].lower()}{shape(path).replace('/', '_')}".replace("*", "x")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                wrong += [f"{scheme} {one}" for one in axe(page)]
                watched.shot(f"{file}-{scheme}")
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": NARROW, "height": 800})
            if said := watched.overflow():
                wrong.append(f"{path} at {NARROW} px: {said}")
            watched.shot(f"{file}-narrow")
            page.set_viewport_size({"width": WIDE, "height": 900})
        context.close()
    assert not wrong, "\n".join(wrong)
    assert seen >= (4 if name == "public" else 8)


def test_without_scripts_all_but_the_passkey_is_there(demo: Demo) -> None:
    with browser() as chromium:
        context = chromium.new_context(java_script_enabled=False)
        watched = Watched(context, demo.address)
        _become(watched, "Rita Okafor")  # a plain form
        watched.go("/cases/new")
        for name, value in (("number", "no-script-1"), ("narrative", "too few words to be one")):
            watched.page.locator(f'[name="{name}"]').fill(value)
        watched.page.locator('[name="purpose"]').select_option("identify-suspect")
        watched.page.get_by_role("button", name="Open the case").click()
        assert "no-script-1" in watched.page.content()  # what was typed stays, with what is wrong
        assert watched.page.locator(".wrong, .problem").count()
        context.close()


def test_focus_can_be_seen_wherever_the_keyboard_goes(demo: Demo) -> None:
    with browser() as chromium:
        context = chromium.new_context(viewport={"width": WIDE, "height": 900})
        watched = Watched(context, demo.address)
        _become(watched, "Rita Okafor")
        page = watched.page
        for path in ("/tasks", "/cases", "/cases/new", "/account"):
            watched.go(path)
            page.keyboard.press("Tab")
            first = page.evaluate("document.activeElement.textContent")
            assert first == "To the content", path
            stops = set()
            for _ in range(200):
                page.keyboard.press("Tab")
                stop, outlined = page.evaluate(
                    """() => {
                      const one = document.activeElement, look = getComputedStyle(one);
                      return [one === document.body ? "" : one.outerHTML.slice(0, 300),
                              look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2];
                    }"""
                )
                if not stop:
                    break
                assert outlined, (path, stop)
                stops.add(stop)
            else:
                pytest.fail(f"{path}: the keyboard does not come out")
            assert len(stops) > 5
        context.close()


def test_the_demonstration_s_passkeys_are_asked_for_by_the_form(demo: Demo) -> None:
    """A form that has consequences asks the passkey first, and is then sent."""
    with browser() as chromium:
        context = chromium.new_context()
        watched = Watched(context, demo.address)
        _become(watched, "Amir Novak")
        watched.go("/approvals")
        watched.page.locator("main a[href^='/approvals/']").first.click()
        asked: list[str] = []
        watched.page.on("request", lambda request: asked.append(request.url))
        watched.page.locator("form[data-sign] button").first.click()
        watched.page.wait_for_load_state("networkidle")
        assert any(one.endswith("/passkey/sign/finish") for one in asked)
        assert watched.page.locator(".done").count(), watched.page.content()
        context.close()


def test_the_cast_has_every_role() -> None:
    assert {role for name in PEOPLE if name != "public" for role in ROLES[name]} == {
        role for roles in ROLES.values() for role in roles
    }
