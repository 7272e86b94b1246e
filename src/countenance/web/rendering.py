"""Templates: one environment, escaped by default, and the few filters that pages share."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from countenance.core import sha256_bytes
from countenance.desk.roles import ACTIONS
from countenance.law import Tag
from countenance.web.formtoken import page_token
from countenance.web.menu import menu_of

if TYPE_CHECKING:
    from countenance.web.at import At

NOTICES: dict[str, str] = {}
"""What a page says after something was done, by the word that stands in its address."""


def notice(word: str, sentence: str) -> str:
    """Declare a sentence; the module that uses it does so where it is imported."""
    if NOTICES.setdefault(word, sentence) != sentence:
        raise ValueError(f"two notices are called {word}")
    return word


@dataclass(frozen=True, slots=True)
class _Shown:
    """What every template knows of the request, beside its own values."""

    at: At
    labels: dict[str, str] = field(default_factory=dict)

    def may(self, action: str) -> bool:
        """Whether whoever looks has a role for an action: what else to offer on a page."""
        viewer = self.at.viewer
        return viewer is not None and bool(viewer.roles & ACTIONS[action].roles)

    def steps_up(self, action: str) -> bool:
        """Whether the passkey is asked for again."""
        return ACTIONS[action].step_up

    def typed(self, name: str, otherwise: Any = "") -> str:
        """What was typed into a field, or what stands there first."""
        return self.at.fields.typed(name, "" if otherwise is None else str(otherwise))

    def ticked(self, name: str, value: str, otherwise: bool = False) -> bool:
        """Whether a box or radio button is on."""
        if self.at.problem is not None:
            return value in self.at.fields.all_typed(name)
        return otherwise

    def named(self, name: str, label: str) -> None:
        """Keep what a field is called on this page; what is said first counts."""
        self.labels.setdefault(name, label)

    def label(self, name: str) -> str:
        """What a field is called on this page."""
        return self.labels.get(name) or words(name)

    def wrong(self, name: str) -> str:
        """What is wrong with a field, if anything."""
        problem = self.at.problem
        if problem is None or problem.where != name:
            return ""
        return problem.what + (f" ({problem.expected})" if problem.expected else "")


def render(at: At, template: str, values: Mapping[str, Any]) -> str:
    """One page of a request."""
    viewer = at.viewer
    done = NOTICES.get(at.request.query_params.get("done", ""), "")
    return environment().get_template(template).render(
        {
            "at": at,
            "shown": _Shown(at),
            "viewer": viewer,
            "menu": menu_of(viewer.roles if viewer else frozenset()),
            "here": at.request.url.path,
            "problem": at.problem,
            "done": done if at.problem is None else "",
            "form_token": page_token(at.deployment.page_key, viewer.session) if viewer else "",
            "name": at.deployment.name,
            "static": static_path,
            "demo": getattr(at.request.app.state, "cast", None) is not None,
            **values,
        }
    )  # fmt: skip


@functools.cache
def environment() -> Environment:
    """The one environment of all pages."""
    made = Environment(
        loader=PackageLoader("countenance.web"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.do"],
    )  # fmt: skip
    made.filters |= {
        "moment": moment, "day": day, "short": short, "words": words, "count": count,
        "checked": checked, "plain": plain,
    }  # fmt: skip
    return made


@functools.cache
def static_path(name: str) -> str:
    """The address of a file of ours, which changes when its bytes do."""
    from importlib.resources import files

    data = files("countenance.web").joinpath("static", name).read_bytes()
    return f"/static/{name}?{sha256_bytes(data)[:12]}"


def moment(value: datetime.datetime) -> str:
    """``2026-11-23 21:07 UTC``: a time that means the same to every reader."""
    return value.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def day(value: datetime.date) -> str:
    """``23 November 2026``."""
    return f"{value.day} {value.strftime('%B %Y')}"


def short(value: str) -> str:
    """The beginning of a hash or id; the macro `hash` puts the whole one a click away."""
    return value[:12]


def words(value: object) -> str:
    """A word of the program as a person reads it: ``recording-of-the-act``."""
    return str(value).replace("-", " ").replace("_", " ")


def plain(value: Any) -> str:
    """A public field of an event: words as words, times as times, and what is a name as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        found = _TIME.fullmatch(value)
        if found:
            return f"{found[1]} {found[2]} UTC"
        return words(value) if _WORDS.fullmatch(value) else value
    if isinstance(value, list | tuple):
        return ", ".join(plain(each) for each in value) or "none"
    return count(value) if isinstance(value, int) else str(value)


_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?Z")
_WORDS = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")


def checked(tag: str) -> str:
    """How far a rule was checked, in words; a reason that is no rule's has no tag."""
    return Tag(tag).words if tag else "no rule"


def count(value: int) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,}"
