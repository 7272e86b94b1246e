"""Vega-Lite specifications to clean SVG.

The specifications are written as plain dictionaries: Altair would validate the same dictionaries
again, at nearly a second of import. Everything is placed explicitly (no automatic layout), so the
bytes do not depend on the fonts of the machine that draws.

`render` rewrites what Vega made: no font names, no fixed size, unique ids, a title and a
description, coordinates to a tenth of a pixel.
"""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

from countenance.audit.report.model import Figure, Size
from countenance.audit.report.palette import DARK, LIGHT, figure_rules
from countenance.audit.sentences import percent

Spec = dict[str, Any]
_SVG = "http://www.w3.org/2000/svg"
_NUMBER = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_KEEP = {
    "d", "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity",
    "fill-opacity", "stroke-opacity", "transform", "x", "y", "x1", "x2", "y1", "y2", "width",
    "height", "text-anchor", "font-size", "font-weight", "clip-path", "id", "points", "r", "cx",
    "cy", "direction", "stroke-miterlimit", "stroke-linejoin",
}  # fmt: skip
_CONFIG: Spec = {
    "aria": False,
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12, "labelColor": LIGHT["muted"], "titleFontSize": 12,
        "titleFontWeight": "normal", "titleColor": LIGHT["muted"], "gridColor": LIGHT["rule"],
        "domainColor": LIGHT["line"], "tickColor": LIGHT["line"], "tickSize": 4, "labelLimit": 0,
        "labelOverlap": False, "titleLimit": 0, "tickRound": False, "labelBound": False, "labelFlush": False,
    },
    "text": {"fontSize": 12, "color": LIGHT["ink"], "limit": 0},
    "rule": {"color": LIGHT["ink"]},
}  # fmt: skip


def frame(width: float, height: float, layers: list[Spec], *, pad: Sequence[float]) -> Spec:
    """One panel; `pad` is left, top, right, bottom in pixels."""
    left, top, right, bottom = pad
    return {
        "width": width, "height": height, "layer": layers,
        "padding": {"left": left, "top": top, "right": right, "bottom": bottom},
        "autosize": {"type": "none"},
    }  # fmt: skip


def pixels(field: str) -> Spec:
    """A position already in pixels."""
    return {"field": field, "type": "quantitative", "scale": None, "axis": None}


def marks(data: Sequence[Spec], mark: Spec, **encoding: Any) -> Spec:
    """One layer with its own rows."""
    return {"data": {"values": list(data)}, "mark": mark, "encoding": encoding}


def text(data: Sequence[Spec], **mark: Any) -> Spec:
    """Text at pixel positions ``x``, ``y`` of each row, from its ``text``."""
    return marks(
        data, {"type": "text", "baseline": "middle", "align": "left", **mark},
        x=pixels("x"), y=pixels("y"), text={"field": "text", "type": "nominal"},
    )  # fmt: skip


def halo(data: Sequence[Spec], **mark: Any) -> list[Spec]:
    """Text that stays readable over lines: a rim of paper under it."""
    rim = {**mark, "stroke": LIGHT["paper"], "strokeWidth": 4, "color": LIGHT["paper"]}
    return [text(data, **rim), text(data, **mark)]


def line_at(name: str, *, x: float, width: float, top: float, bottom: float) -> list[Spec]:
    """A thin named line at pixel `x`: the rule from `top` to `bottom`, its name at the top."""
    right = x > width * 0.55
    return [
        marks(
            [{"x": x, "y": top, "y2": bottom}],
            {"type": "rule", "strokeWidth": 1, "color": LIGHT["ink"], "strokeDash": [3, 3]},
            x=pixels("x"), y=pixels("y"), y2={"field": "y2"},
        ),
        text(
            [{"x": x + (-4 if right else 4), "y": top + 5, "text": name}],
            align="right" if right else "left", color=LIGHT["muted"],
        ),
    ]  # fmt: skip


def cut(label: str, limit: int) -> str:
    """A label short enough for a figure; the table has it whole."""
    plain = " ".join(label.split())
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip(" ,") + "…"


def log_floor(values: Sequence[float | None], *, least: int = -8) -> int:
    """The power of ten at or below the smallest positive value."""
    positive = [v for v in values if v is not None and v > 0]
    if not positive:
        return -3
    return max(least, min(-1, math.floor(math.log10(min(positive)) + 1e-9)))


def log_axis(floor: int, *, title: str, every: int = 1, **more: Any) -> Spec:
    """Axis of a rate from a slot for nought, through 10^floor, to 1; labels in per cent."""
    labels = {str(e): f"{percent(10.0**e)} %" for e in range(floor, 1) if e % every == 0}
    labels[str(floor - 1)] = "0"
    return {
        "title": title,
        "values": [10.0**e for e in range(floor - 1, 1)],
        "labelExpr": f"{json.dumps(labels)}[toString(round(log(datum.value) / LN10))] || ''",
        "format": "e", **more,
    }  # fmt: skip


def log_scale(floor: int) -> Spec:
    """The scale of `log_axis`: one decade below `floor` stands for nought."""
    return {"type": "log", "domain": [10.0 ** (floor - 1), 1], "nice": False, "clamp": True}


def log_position(value: float | None, floor: int, width: float) -> float:
    """Pixel of a rate on `log_scale`; what lies below the floor goes to the slot for nought."""
    if value is None or value < 10.0**floor * (1 - 1e-9):
        return 0.0
    return width * (math.log10(min(value, 1.0)) - floor + 1) / (1 - floor)


def render(figure: Figure, size: Size) -> str:
    """The figure as one SVG element, safe to place in a page beside others."""
    import vl_convert

    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        **figure.spec(size),
        "config": _CONFIG,
    }
    made = vl_convert.vegalite_to_svg(spec, vl_version="6.1", allowed_base_urls=[])
    return clean(made, figure, size)


def clean(svg: str, figure: Figure, size: Size) -> str:
    """Vega's SVG with nothing in it but shapes and text, under this figure's own ids."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(svg)  # noqa: S314 - made by our own renderer a line earlier
    prefix = figure.name + ("-narrow" if size.narrow else "")
    ids: dict[str, str] = {"hatch": f"{prefix}-hatch"}
    hatched = False
    for element in root.iter():
        if element is root:
            continue
        if "id" in element.attrib:
            ids.setdefault(element.attrib["id"], f"{prefix}-c{len(ids)}")
    for element in root.iter():
        if element is root:
            continue
        for key in list(element.attrib):
            if key not in _KEEP:
                del element.attrib[key]
        for key, value in element.attrib.items():
            if key in ("id",):
                element.set(key, ids[value])
            elif "url(" in value:
                hatched = hatched or "#hatch" in value
                element.set(key, _REFERENCE.sub(lambda m: f"url(#{ids[m[1]]})", value))
            elif key in ("d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height"):
                element.set(key, _NUMBER.sub(_tenth, value))
            elif key == "font-size":
                element.set(key, value.removesuffix("px"))
    _drop_empty(root)
    width, height = root.attrib["width"], root.attrib["height"]
    root.attrib.clear()
    root.attrib.update(
        {
            "viewBox": f"0 0 {width} {height}", "width": width, "height": height, "role": "img",
            "aria-labelledby": f"{prefix}-t {prefix}-d", "font-family": "system-ui, sans-serif",
        }
    )  # fmt: skip
    title, describe = ET.Element(f"{{{_SVG}}}title"), ET.Element(f"{{{_SVG}}}desc")
    title.set("id", f"{prefix}-t")
    title.text = figure.question
    describe.set("id", f"{prefix}-d")
    describe.text = figure.finding
    root.insert(0, title)
    root.insert(1, describe)
    if hatched:
        root.insert(2, _hatch(ids["hatch"]))
    return ET.tostring(root, encoding="unicode")


def standalone(svg: str) -> str:
    """The SVG as a file of its own: with its paper, and the dark theme where the viewer asks."""
    style = (
        "<style>svg{background:%s}@media screen and (prefers-color-scheme:dark){svg{background:%s}%s}"
        "</style>"
    ) % (LIGHT["paper"], DARK["paper"], figure_rules())
    head, rest = svg.split(">", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}>{style}{rest}\n'


def _tenth(match: re.Match[str]) -> str:
    short = f"{float(match[0]):.1f}".removesuffix(".0")
    return "0" if short == "-0" else short


def _drop_empty(element: ET.Element) -> None:
    """Remove groups and paths that draw nothing."""
    for child in list(element):
        _drop_empty(child)
        tag = child.tag.rsplit("}", 1)[-1]
        blank = tag == "g" and len(child) == 0
        pathless = tag == "path" and (
            child.get("d", "") in ("", "M0,0h0v0h0Z")
            or not {"fill", "stroke", "transform"} & set(child.attrib)
        )
        if (blank or pathless) and child.get("id") is None:
            element.remove(child)


def _hatch(name: str) -> ET.Element:
    defs = ET.Element(f"{{{_SVG}}}defs")
    pattern = ET.SubElement(
        defs, f"{{{_SVG}}}pattern",
        {"id": name, "width": "6", "height": "6", "patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"},
    )  # fmt: skip
    ET.SubElement(
        pattern, f"{{{_SVG}}}line",
        {"x1": "0", "y1": "0", "x2": "0", "y2": "6", "stroke": LIGHT["line"], "stroke-width": "1", "stroke-opacity": "0.55"},
    )  # fmt: skip
    return defs
