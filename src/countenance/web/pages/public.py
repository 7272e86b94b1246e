"""The public page: what is in use, how often, under which rules, and how to check all of it.

It is read by people who did not choose to be here, and nobody has to sign in for it.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.exceptions import HTTPException
from starlette.responses import Response

from countenance.desk.errors import NotAllowedError
from countenance.desk.publicfigures import LEAST, Month, public_audit
from countenance.desk.standing import Suspension
from countenance.desk.subjects import ANSWER_DAYS
from countenance.law import COLUMNS, Effect, Library, Rule
from countenance.law.comparing import column_of
from countenance.web.access import open_to_all
from countenance.web.at import At
from countenance.web.auditpicture import picture
from countenance.web.ids import Digest
from countenance.web.publicdocument import DOCUMENT, public_document
from countenance.web.rendering import words

router = APIRouter()
Public = Annotated[At, open_to_all()]
PackId = Annotated[str, Path(pattern=r"^[a-z0-9.\-]+(/[a-z0-9.\-]+){0,6}$")]
SHORTLY = "public, max-age=60"
_MONTHS = 12
_LISTS = ("open-empty", "open-unreviewed", "agreed-candidate", "agreed-none", "disagreed")
"""Outcomes of requests whose list is open: a search was made, and its length is public."""

_EFFECTS: Mapping[str, str] = {
    Effect.NO_GROUND.value: "None of the grounds held on which the rules permit a search.",
    Effect.NOT_GRANTED.value: "The policy that the agency chose does not grant it.",
    Effect.UNVERIFIED.value: "A ground may hold, but nobody verified that it is the law.",
    Effect.OPEN.value: "Something was not known on which a rule turns.",
    Effect.NO_PACK.value: "Nobody wrote down the law of the place.",
    Effect.INCOMPLETE.value: "The request did not say what it must.",
}
"""Where no single rule spoke first."""


@router.get("/")
def page(at: Public) -> Response:
    """The public page."""
    found = public_document(at)
    figures, audited = found.figures, found.engine.audited
    latest = figures.months[::-1]
    return at.page(
        "public/page.html.j2", doc=found, figures=figures, audited=audited,
        picture=picture(at.desk, audited.audit, audited.threshold) if audited else None,
        months=latest[:_MONTHS], earlier=latest[_MONTHS:], searched=searched, named=named,
        least=LEAST,
        refusals=said_refusals(at.deployment.house.library, figures.months), days=ANSWER_DAYS,
        suspensions=[(each, _lasted(each, figures.at)) for each in figures.suspensions[::-1]],
        witnessed=[(one.name, datetime.datetime.fromtimestamp(one.time_s, datetime.UTC))
                   for one in (found.head.witnesses if found.head else ())],
    )  # fmt: skip


@router.get("/public.json")
def document(at: Public) -> Response:
    """The same for programs; docs/public-page.md describes it."""
    data = DOCUMENT.dump_json(public_document(at), indent=1)
    return Response(data, media_type="application/json", headers={"cache-control": SHORTLY})


@router.get("/public/audits/{digest}.json")
def audit(at: Public, digest: Digest) -> Response:
    """An audit as it was accepted: every number of the picture, and how to make it again."""
    try:
        data = public_audit(at.desk, digest)
    except NotAllowedError:
        raise HTTPException(404) from None
    headers = {"content-disposition": f'attachment; filename="audit-{digest[:12]}.json"'}
    return Response(data, media_type="application/json", headers=headers)


@router.get("/packs/{pack:path}")
def rules(at: Public, pack: PackId) -> Response:
    """One rule pack in plain language, with its sources."""
    found = at.deployment.house.library.get(pack)
    if found is None:
        raise HTTPException(404)
    return at.page("public/pack.html.j2", pack=found, kind=_kind)


def _kind(rule: Rule) -> str:
    """What a rule does, in words."""
    return COLUMNS.get(column_of(rule), words(rule.kind))


def searched(month: Month) -> int:
    """How many requests of a month were searched and their list opened."""
    return sum(month.outcomes[each] for each in _LISTS)


def named(month: str) -> str:
    """``2026-11`` as people say it."""
    return datetime.date.fromisoformat(f"{month}-01").strftime("%B %Y")


def said_refusals(
    library: Library, months: Iterable[Month]
) -> list[tuple[str, int, str, str]]:  # fmt: skip
    """Reasons of refusals by code, how often, in words, and the pack that they stand in."""
    total: Counter[str] = Counter()
    for month in months:
        total.update(month.refusals)
    says = {code: (text, "") for code, text in _EFFECTS.items()}
    for pack in library.values() if total else ():
        says |= {rule.id.replace("#", "/"): (rule.says, pack.id) for rule in pack.rules}
    return [
        (code, times, *says.get(code, ("", "")))
        for code, times in sorted(total.items(), key=lambda each: (-each[1], each[0]))
    ]


def _lasted(suspension: Suspension, now: datetime.datetime) -> str:
    """How long a suspension lasted, or lasts."""
    length = (suspension.until or now) - suspension.since
    minutes = int(length.total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    parts = [(days, "day"), (hours, "hour"), (minutes % 60, "minute")]
    said = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n]
    return ", ".join(said[:2]) or "less than a minute"
