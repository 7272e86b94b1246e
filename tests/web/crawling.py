"""Walking through pages as a person does: every link that is offered, every form that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx2 as httpx

SAMPLE_LINE = "a line that a test typed"
SAMPLE_TEXT = (
    "Somebody wrote this for a test, in enough different words that it can count as an account "
    "of something: a lamp, a ladder, seven oranges, the sound of a tram, and the colour of rain."
)


@dataclass
class Form:
    """A form as it was shown, filled in as well as a stranger could."""

    path: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    confirm: str = ""
    sign: str = ""
    digest: str = ""
    page: str = ""

    @property
    def shape(self) -> str:
        """The address without its ids: one form of a kind is tried once a page."""
        return shape(self.path)


def shape(path: str) -> str:
    """An address without what is different in each of its kind."""
    return re.sub(r"[0-9a-f]{32,64}|(?<=/)[0-9]+\b|(?<=^/packs/).+", "*", path.partition("?")[0])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images: list[str] = []
        self.forms: list[Form] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.inputs: list[tuple[str, str]] = []
        self._form: Form | None = None
        self._select = ""
        self._chosen = ""
        self._area = ""
        self._radios: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        said = {name: value or "" for name, value in attrs}
        if "id" in said:
            self.ids.append(said["id"])
        if tag == "a" and said.get("href", "").startswith("/"):
            self.links.append(said["href"])
        if tag == "img" and said.get("src", "").startswith("/"):
            self.images.append(said["src"])
        if tag == "form":
            self._form = Form(
                said.get("action", "").partition("#")[0], said.get("method", "get"), [], [],
                said.get("data-confirm", ""), said.get("data-sign", ""),
                said.get("data-digest", ""),
            )  # fmt: skip
            if "data-passkey" not in said:
                self.forms.append(self._form)
            self._radios = set()
        form = self._form
        if form is None:
            return
        name = said.get("name", "")
        if tag == "input" and name:
            self._input(form, name, said)
        if tag == "button" and name:
            form.fields.append((name, said.get("value", "")))
        if tag == "select":
            self._select, self._chosen = name, ""
        is_first = not self._chosen
        if tag == "option" and self._select and said.get("value"):
            self._chosen = said["value"] if is_first or "selected" in said else self._chosen
        if tag == "textarea":
            self._area = name
            form.fields.append((name, SAMPLE_TEXT[: int(said.get("maxlength", "20000"))]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "select" and self._form is not None:
            self._form.fields.append((self._select, self._chosen))
            self._select = ""

    def _input(self, form: Form, name: str, said: dict[str, str]) -> None:
        sort, value = said.get("type", "text"), said.get("value", "")
        match sort:
            case "file":
                form.files.append(name)
            case "radio":
                if "checked" in said or name not in self._radios:
                    form.fields = [one for one in form.fields if one[0] != name]
                    form.fields.append((name, value))
                    self._radios.add(name)
            case "checkbox":
                form.fields.append((name, value))
            case "date":
                form.fields.append((name, value or "2026-11-20"))
            case "number":
                form.fields.append((name, value or said.get("min", "1")))
            case "hidden":
                form.fields.append((name, value))
            case _:
                most = int(said.get("maxlength", "200"))
                form.fields.append((name, value or SAMPLE_LINE[:most]))


def read(page: httpx.Response) -> _Reader:
    """What a page offers."""
    reader = _Reader()
    if page.headers.get("content-type", "").startswith("text/html"):
        reader.feed(page.text)
        for form in reader.forms:
            form.path = form.path or str(page.url.path)
            form.page = str(page.url.path)
    return reader


def walk(
    get: Any, start: str, *, most: int = 400
) -> Iterator[tuple[str, httpx.Response, _Reader]]:
    """Every page that can be reached by links, a few of each shape."""
    seen: set[str] = set()
    shapes: dict[str, int] = {}
    waiting = [start]
    while waiting and len(seen) < most:
        path = waiting.pop(0).partition("#")[0]
        if path in seen or path.startswith("/static/"):
            continue
        seen.add(path)
        kind = shape(path)
        shapes[kind] = shapes.get(kind, 0) + 1
        if shapes[kind] > 14:
            continue
        answer = get(path)
        found = read(answer)
        yield path, answer, found
        waiting += found.links + found.images
