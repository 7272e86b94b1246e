"""The decision beside a request's form follows what is typed, and nothing is moved by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browserkit import NARROW, WIDE, Watched, axe, browser
from demosite import Demo, demo_of, served
from playwright.sync_api import Browser, Page, Route, expect

SAID, MORE = "#decision-said", "#decision-more"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo_of(tmp_path_factory) as made, served(made.app, made.address):
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


def _form(chromium: Browser, demo: Demo, *, scripts: bool = True, width: int = WIDE) -> Watched:
    """The form of a request in one of Rita's open cases that has a probe."""
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=scripts
    )
    watched = Watched(context, demo.address)
    watched.go("/demo")
    watched.page.get_by_role("button", name="Be Rita Okafor").click()
    watched.page.wait_for_url("**/tasks")
    watched.go("/cases")
    page = watched.page
    cases = page.eval_on_selector_all(
        "main a[href^='/cases/']", "all => all.map((one) => one.getAttribute('href'))"
    )
    for case in cases:
        if case == "/cases/new":
            continue
        watched.go(case)
        ask = page.locator("a[href$='/requests/new']")
        if ask.count() and page.locator("a[href^='/probes/']").count():
            ask.first.click()
            page.wait_for_selector(SAID)
            return watched
    pytest.fail("the demonstration has no open case with a probe")


def _calls(page: Page) -> list[str]:
    seen: list[str] = []
    page.on("request", lambda one: seen.append(one.method) if "/decision" in one.url else None)
    return seen


def test_the_decision_follows_what_is_chosen(chromium: Browser, demo: Demo) -> None:
    watched = _form(chromium, demo)
    page, seen = watched.page, _calls(watched.page)
    before = page.locator(SAID).inner_text()
    expect(page.locator(MORE)).to_contain_text("Gallery: still missing")
    place = page.locator("#f-gallery")
    place.focus()
    place.select_option(index=1)
    expect(page.locator(MORE)).not_to_contain_text("Gallery: still missing")
    assert page.locator(SAID).inner_text() != before  # one field fewer is open
    assert page.evaluate("document.activeElement.id") == "f-gallery"
    assert page.url.endswith("/requests/new")
    assert len(seen) == 1
    page.locator("#f-kind-1").select_option("warrant")
    expect(page.locator(MORE)).to_contain_text("Document 1: its number or reference: still")
    page.locator("#f-probe").select_option(index=1)
    page.locator("#f-kind-1").select_option("")
    expect(page.get_by_role("button", name="Go on to submit")).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not axe(page)
        watched.shot(f"live-{scheme}")
    page.set_viewport_size({"width": NARROW, "height": 800})
    assert not watched.overflow()
    assert not watched.faults
    page.get_by_role("button", name="Go on to submit").click()
    page.wait_for_url("**/requests/review")
    assert page.get_by_role("heading", name="Submit this request?").count()
    watched.context.close()


def test_typing_makes_few_calls_and_one_at_a_time(chromium: Browser, demo: Demo) -> None:
    watched = _form(chromium, demo)
    page, seen = watched.page, _calls(watched.page)
    page.locator("#f-elsewhere").press_sequentially("State Police, in May", delay=20)
    page.wait_for_timeout(1200)
    assert len(seen) == 1
    under_way: list[Route] = []
    ended: list[str] = []
    # the desk takes its time
    page.route("**/requests/decision", lambda one: under_way.append(one))
    page.on("requestfailed", lambda one: ended.append(one.url))
    for n in (1, 2, 3):
        page.locator("#f-reference-1").fill(f"W-{n}")
        page.wait_for_timeout(700)
        assert len(under_way) == n
        assert len(ended) == n - 1  # the former was given up
    under_way[-1].continue_()
    expect(page.locator(MORE)).to_contain_text("Document 1: what it is")
    assert page.locator("#decision-old").is_hidden()
    watched.context.close()


def test_what_is_read_stays_open_and_focused(chromium: Browser, demo: Demo) -> None:
    watched = _form(chromium, demo)
    page = watched.page
    page.locator("#decision-open > summary").click()
    page.locator("#f-elsewhere").fill("FBI")
    page.locator("#decision-open > summary").focus()
    page.evaluate("document.querySelector('#decision-more').dataset.was = 'before'")
    expect(page.locator(MORE)).not_to_have_attribute("data-was", "before")
    assert page.locator("#decision-open").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.parentElement.id") == "decision-open"
    watched.context.close()


def test_a_desk_that_does_not_answer_is_said(chromium: Browser, demo: Demo) -> None:
    watched = _form(chromium, demo)
    page = watched.page
    before = page.locator(MORE).inner_text()
    page.route("**/requests/decision", lambda route: route.abort())
    page.locator("#f-gallery").select_option(index=1)
    expect(page.get_by_role("alert")).to_contain_text("from before your last change")
    assert page.locator(MORE).inner_text() == before
    page.unroute("**/requests/decision")
    page.route("**/requests/decision", lambda route: route.fulfill(status=503, body="<p>no</p>"))
    page.locator("#f-gallery").select_option(index=0)
    page.wait_for_timeout(800)
    expect(page.locator("#decision-old")).to_be_visible()
    page.unroute("**/requests/decision")
    page.locator("#f-gallery").select_option(index=1)
    expect(page.locator("#decision-old")).to_be_hidden()
    watched.context.close()


def test_without_scripts_the_button_shows_it(chromium: Browser, demo: Demo) -> None:
    watched = _form(chromium, demo, scripts=False, width=NARROW)
    page = watched.page
    expect(page.locator(MORE)).to_contain_text("Gallery: still missing")
    page.locator("#f-gallery").select_option(index=1)
    page.get_by_role("button", name="Show the decision").click()
    expect(page.locator(MORE)).not_to_contain_text("Gallery: still missing")
    assert page.url.endswith("#decision")
    assert page.locator("#decision").bounding_box()["y"] < 800  # type: ignore[index]
    assert not watched.overflow()
    watched.context.close()
