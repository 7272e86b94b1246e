"""The page: complete, self-contained, accessible, and careful with its words."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import xml.etree.ElementTree as ET
from html import unescape
from html.parser import HTMLParser

import pytest

import countenance as cn
from countenance.audit.report import to_html
from countenance.audit.report.content import draw, figures_of
from countenance.audit.report.drawing import LinearScale, LogScale, standalone
from countenance.audit.report.page import asset, index
from countenance.audit.report.palette import (
    COLOURS,
    DARK,
    GRAPHIC_PAIRS,
    LIGHT,
    TEXT_PAIRS,
    contrast,
)
from countenance.audit.report.view import View
from countenance.audit.types import Audit

SHAPES = (
    *("rich", "distance", "one_group", "no_groups", "no_mated", "no_nonmated", "zero_events"),
    *("all_events", "tiny", "bare", "sixty", "hostile"),
)


def parse(svg: str | bytes) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - written by this project a moment ago


BLOCKS = {"p", "div", "details", "table", "ul", "ol", "dl", "pre", "figure", "section", "h2", "h3"}
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Elements as (tag, attributes, text) with the checks that need nesting."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.stack: list[int] = []
        self.text: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside = {self.elements[i][0] for i in self.stack}
        if tag in BLOCKS:
            assert not inside & {"p", "span", "code", "bdi", "a"}, f"<{tag}> in {inside}"
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self.stack.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"</{tag}> closes nothing"
        open_tag = self.elements[self.stack.pop()][0]
        assert open_tag == tag, f"</{tag}> closes <{open_tag}>"

    def handle_data(self, data: str) -> None:
        for i in self.stack:
            self.elements[i][2].append(data)
        tags = [self.elements[i][0] for i in self.stack]
        if not {"script", "style"} & set(tags):
            self.text.append(data)

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(a, "".join(t)) for name, a, t in self.elements if name == tag]


@pytest.fixture(scope="module")
def pages(shapes: dict[str, Audit]) -> dict[str, str]:
    return {name: to_html(audit) for name, audit in shapes.items()}


@pytest.fixture(scope="module")
def parsed(pages: dict[str, str]) -> dict[str, Page]:
    return {name: Page(source) for name, source in pages.items()}


def test_the_shapes_are_all_tested(shapes: dict[str, Audit]) -> None:
    assert set(shapes) == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_a_whole_well_formed_page(name: str, parsed: dict[str, Page]) -> None:
    page = parsed[name]
    assert not page.stack
    assert page.elements[0][0] == "html"
    assert page.elements[0][1]["lang"] == "en"
    assert len(page.of("main")) == len(page.of("h1")) == len(page.of("header")) == 1
    assert page.of("title")[0][1].strip()
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), "a level is skipped"
    text = "".join(page.text)
    assert "None" not in text
    assert not re.search(r"\bnan\b", text)


@pytest.mark.parametrize("name", SHAPES)
def test_nothing_is_fetched_and_no_script_runs_but_ours(
    name: str, parsed: dict[str, Page]
) -> None:
    page = parsed[name]
    for tag, attributes, _ in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form", "image", "use")
        for key, value in attributes.items():
            assert not key.startswith("on"), f"{key} on <{tag}>"
            assert key not in ("src", "srcset", "xlink:href", "action", "style", "ping")
            if key == "href" and tag == "a":
                assert re.match(r"(#|https?://)", value or "")
    assert not re.search(r"@import|url\((?!#)", "".join(t for _, t in page.of("style")))
    scripts = page.of("script")
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0][1].encode()).digest()).decode()
    policy = next(a["content"] or "" for a, _ in page.of("meta") if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert f"script-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("name", SHAPES)
def test_ids_are_unique_and_references_meet_them(name: str, parsed: dict[str, Page]) -> None:
    page = parsed[name]
    ids = [a["id"] for _, a, _ in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes, _ in page.elements:
        for key in ("aria-labelledby", "aria-describedby", "for"):
            for target in (attributes.get(key) or "").split():
                assert target in ids
        if (attributes.get("href") or "").startswith("#"):
            assert (attributes["href"] or "")[1:] in ids
        for target in re.findall(r"url\(#([^)]+)\)", attributes.get("fill") or ""):
            assert target in ids


@pytest.mark.parametrize("name", SHAPES)
def test_every_picture_says_its_finding_and_has_its_numbers(
    name: str, shapes: dict[str, Audit], pages: dict[str, str], parsed: dict[str, Page]
) -> None:
    page = parsed[name]
    for attributes, _ in page.of("svg"):
        assert attributes["role"] == "img"
        assert attributes["aria-labelledby"]
    figures = page.of("figure")
    assert len(figures) == pages[name].count("The numbers behind this figure")
    drawn = [f for section in figures_of(View(shapes[name])).values() for f in section]
    assert len(drawn) == len(figures)
    for figure in drawn:
        assert figure.question
        assert figure.finding.endswith(".")
        assert figure.table.rows
        for row in figure.table.rows:
            assert len(row) == len(figure.table.columns)


def test_a_figures_table_holds_the_audits_numbers(shapes: dict[str, Audit]) -> None:
    audit = shapes["rich"]
    view = View(audit)
    figure = figures_of(view)["first"][0]
    met = {g.group: g.fmr for g in view.groups}
    assert [row[0] for row in figure.table.rows] == [g.group for g in view.groups]
    for row in figure.table.rows:
        rate = met[str(row[0])]
        assert row[1:7] == (
            rate.people, rate.events, rate.trials, rate.estimate, rate.low, rate.high,
        )  # fmt: skip


def test_the_group_a_threshold_was_set_on_is_quoted() -> None:
    audit = cn.audit(cn.london_scores("dlib"), groups=["gender"], fmr_targets=["0.01"])
    said = re.findall(r"It gives .*?\) on ([^;]*); asked for was", audit.to_html())
    assert said == ["all", "“male”"]


def test_counts_stand_in_the_margin_of_the_first_picture(shapes: dict[str, Audit]) -> None:
    view = View(shapes["rich"])
    drawn = draw(view, only="first")["first"][0]
    for svg in (drawn.wide, drawn.narrow):
        text = [e.text for e in parse(svg).iter() if e.tag.endswith("}text")]
        for group in view.groups:
            assert f"{group.fmr.events:,} of {group.fmr.trials:,}" in text
            assert group.group in text
        assert "claimed" in text
        assert "all pairs of people" in text


def test_no_error_is_an_open_mark_at_nought_with_an_arrow_to_its_bound(
    shapes: dict[str, Audit],
) -> None:
    view = View(shapes["zero_events"])
    root = parse(draw(view, only="first")["first"][0].wide)
    circles = [e for e in root.iter() if e.tag.endswith("}circle")]
    assert circles
    assert {c.get("fill") for c in circles} == {LIGHT["paper"]}
    assert {c.get("cx") for c in circles} == {"0"}


@pytest.mark.parametrize("name", SHAPES)
def test_tables_have_heads_with_scopes(name: str, parsed: dict[str, Page]) -> None:
    page = parsed[name]
    for attributes, _ in page.of("th"):
        assert attributes["scope"] in ("col", "row")
    assert len(page.of("caption")) == len(page.of("table"))
    for attributes, _ in page.of("div"):
        if attributes.get("class") == "scroll":
            assert attributes["tabindex"] == "0"
            assert attributes["aria-label"]


RATE = re.compile(
    r"[\d,]+ of [\d,]+ [^().;:]*?\((?:at most |at least |too few )?[^()]*\)|"
    r"\((?:at most|at least)? ?[^()]*95 % (?:interval|one-sided)[^()]*\)"
)
CONFIDENCE = re.compile(r"9\d % (?:confidence|interval)|simultaneous 9\d %|^\s*9\d %\s*$")


def bare_percentages(prose: str) -> list[str]:
    """Percentages that no counts stand beside."""
    text = prose.replace("\u00a0", " ").replace("\u2068", "").replace("\u2069", "")
    rest = CONFIDENCE.sub("", RATE.sub("", text))
    return re.findall(r"[^.]{0,30}\d %", rest)


def test_the_checker_of_percentages_finds_one() -> None:
    assert bare_percentages("It errs in 3 % of cases.")
    assert not bare_percentages("It errs in 3 of 100 comparisons (3 %, 95 % interval 1–9 %).")


@pytest.mark.parametrize("name", SHAPES)
def test_no_percentage_stands_without_its_counts(name: str, parsed: dict[str, Page]) -> None:
    if name == "hostile":
        pytest.skip("its labels hold brackets and per cent signs")
    page = parsed[name]
    for tag in ("p", "li", "figcaption", "desc"):
        for _, text in page.of(tag):
            # The planner's sentence names a target, which has no counts.
            if "takes 389 people" not in text:
                assert not bare_percentages(text), text
    for _, text in page.of("thead"):
        if re.search(r"(FMR|Rate|FNMR), %", text):
            assert re.search(r"Comparisons|Images|False matches|Missed|Non-mated", text)


BANNED = re.compile(
    r"\b(accura\w+|unbiased|prov(?:es|en|ed)|proof|match found|a match|identified as|"
    r"(?:percent|per cent|%) (?:chance|probab\w+|sure|certain)|suspect\w*)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("name", SHAPES)
def test_the_words_are_those_of_the_house(name: str, parsed: dict[str, Page]) -> None:
    text = " ".join("".join(parsed[name].text).split())
    assert not BANNED.findall(text)
    for found in re.finditer(r"match", text, re.IGNORECASE):
        before = text[max(0, found.start() - 9) : found.start()].lower()
        assert before.endswith(("false ", "falsely ", "non-", "non‑")), text[
            found.start() - 30 : found.end() + 10
        ]


def test_hostile_labels_are_text_in_page_and_pictures(
    shapes: dict[str, Audit], pages: dict[str, str]
) -> None:
    source = pages["hostile"]
    assert "<script>alert(1)" not in source
    assert "<img" not in source
    assert "49" not in "".join(t for _, t in Page(source).of("h1"))
    assert "{{ 7*7 }}" in unescape(source)
    assert "<script>alert(1)</script>" in unescape(source)
    for section in draw(View(shapes["hostile"])).values():
        for drawn in section:
            for svg in (drawn.wide, drawn.narrow):
                tags = {e.tag.rsplit("}", 1)[-1] for e in parse(svg).iter()}
                assert tags <= {
                    *("svg", "title", "desc", "defs", "pattern", "g", "path", "line", "rect"),
                    *("circle", "text"),
                }


def test_the_same_audit_gives_the_same_bytes(
    shapes: dict[str, Audit], pages: dict[str, str]
) -> None:
    assert to_html(shapes["rich"]) == pages["rich"]


def test_sixty_groups_stay_legible_and_say_what_is_left_out(
    shapes: dict[str, Audit], pages: dict[str, str]
) -> None:
    assert "30 of 60 groups are drawn" in pages["sixty"]
    assert "8 of 60 groups are drawn" in pages["sixty"]
    for section in draw(View(shapes["sixty"])).values():
        for drawn in section:
            root = parse(drawn.wide)
            assert float(root.get("height", "0")) < 1000
            assert float(root.get("width", "0")) == pytest.approx(680, abs=0.2)
            assert float(parse(drawn.narrow).get("width", "0")) == pytest.approx(336, abs=0.2)


def test_absent_data_leave_out_sections_and_say_why(pages: dict[str, str]) -> None:
    assert 'id="enrol"' not in pages["bare"]
    assert 'id="curves"' not in pages["bare"]
    assert "no groups were asked for" in pages["no_groups"]
    assert "There are no two images of the same person" in pages["no_mated"]
    assert "There are no comparisons of different people" in pages["no_nonmated"]
    assert "not stated" in pages["bare"]
    assert "come from one sitting" in pages["rich"]
    assert "come from one sitting" not in pages["bare"]


def test_hashes_are_short_with_the_whole_a_click_away(
    pages: dict[str, str], parsed: dict[str, Page]
) -> None:
    assert "bbbbbbbbbbbb…" in pages["rich"]
    assert 'data-copy="' + "b" * 64 in pages["rich"]
    assert "b" * 64 in "".join(parsed["rich"].text)


def test_colours_have_the_contrast_they_need() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for theme in (LIGHT, DARK):
        for ink, ground in TEXT_PAIRS:
            assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
        for mark, ground in GRAPHIC_PAIRS:
            assert contrast(theme[mark], theme[ground]) >= 3, (mark, ground)


def test_every_colour_drawn_has_a_dark_counterpart(shapes: dict[str, Audit]) -> None:
    known = set(LIGHT.values()) | {"none"}
    assert len(set(LIGHT.values())) == len(COLOURS)
    for name in ("rich", "distance", "sixty"):
        for section in draw(View(shapes[name])).values():
            for drawn in section:
                for which in ("fill", "stroke"):
                    used = set(re.findall(rf' {which}="([^"]+)"', drawn.wide + drawn.narrow))
                    assert {u for u in used if not u.startswith("url(#")} <= known


def test_the_style_sheet_uses_no_colour_of_its_own() -> None:
    style = asset("report.css")
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", style)) <= {"#fff"}
    text = set(re.findall(r"color:var\(--(\w+)\)", style)) - {"rule", "line"}
    assert text <= {"ink", "muted", "accent", "paper"}


def test_a_picture_alone_is_well_formed_and_has_both_themes(shapes: dict[str, Audit]) -> None:
    svg = standalone(draw(View(shapes["rich"]), only="first")["first"][0].wide)
    parse(svg.encode())
    assert "prefers-color-scheme:dark" in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_the_index_sets_audits_side_by_side(shapes: dict[str, Audit]) -> None:
    items = []
    for name in ("rich", "distance", "no_groups"):
        first = draw(View(shapes[name]), only="first")["first"]
        items.append((shapes[name], f"{name}/report.html", first))
    source = index(items)
    page = Page(source)
    ids = [a["id"] for _, a, _ in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for attributes, _ in page.of("svg"):
        for target in (attributes["aria-labelledby"] or "").split():
            assert target in ids
    assert len(page.of("main")) == 1
    for audit, href, _ in items:
        assert audit.summary.split(" %")[0] in unescape(source)
        assert f'href="{href}"' in source


def test_log_scale_puts_nought_in_its_slot() -> None:
    scale = LogScale.of([0.02, None, 0.0, 0.5], 400)
    assert scale.floor == -2
    assert scale.at(0.0) == scale.at(None) == 0
    assert scale.at(0.01) == pytest.approx(400 / 3)
    assert scale.at(1.0) == 400
    assert [label for _, label in scale.ticks()] == ["0", "1 %", "10 %", "100 %"]
    assert LogScale.of([], 100).floor == -3


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-0.2, 0.97), (0.331, 0.342), (0, 102), (-5e3, 9e5)]
)
def test_linear_ticks_are_round_and_inside(low: float, high: float) -> None:
    scale = LinearScale(low, high, 300)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 7
    assert len({label for _, label in ticks}) == len(ticks)
    for place, label in ticks:
        assert -1e-6 <= place <= 300 + 1e-6
        value = float(label.replace("−", "-").replace(",", ""))
        assert scale.at(value) == pytest.approx(place, abs=1e-6)
