"""Probes: the original comes, each edit is a step of its own, and an examiner judges the picture.

A requester's pages show where a probe is from and every step; an examiner's show the picture and
what was measured of it, and nothing of the case.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError, sha256_bytes
from countenance.desk.casefile import NO_REQUESTS, ProbeItem, read_case_file
from countenance.desk.cases import CaseState, CaseView
from countenance.desk.edits import ALTERING, MADE_HERE, Edit, Operation
from countenance.desk.errors import NotAllowedError
from countenance.desk.probe_steps import (
    ProbeRefused,
    add_edit,
    judge_probe,
    make_edit,
    picture_to_judge,
    read_image,
    upload_probe,
)
from countenance.desk.probes import REFUSED_KINDS, Judgement, KnownBy, Provenance
from countenance.desk.quality import MOST_BYTES
from countenance.desk.worklists import MOST, case_of_probe, probes_to_judge
from countenance.law import bundled_vocabulary
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import DIGEST, Digest, Id
from countenance.web.pages.cases import is_owner, own_case_view, said_words
from countenance.web.pictures import picture_answer
from countenance.web.rendering import notice

router = APIRouter()
_UPLOADED = notice("probe-uploaded", "The original is kept. An examiner judges it next.")
_EDITED = notice("probe-edited", "The edit is a recorded step. The picture is judged anew.")
_JUDGED = notice("probe-judged", "Your judgement is recorded.")
_SAID_KNOWN_BY = {
    KnownBy.RECORDING_OF_THE_ACT: "a recording of the act shows the person doing it",
    KnownBy.WITNESS_OF_THE_ACT: "a witness of the act pointed the person out in it",
    KnownBy.DOCUMENT: "a document shown or used in the act",
    KnownBy.ACCOUNT_IN_SOCIAL_MEDIA: "an account in social media",
    KnownBy.FAMILY_OR_FRIEND: "family or a friend gave it",
    KnownBy.BODY: "it is a picture of the body found",
    KnownBy.NOT_KNOWN: "it is not known",
}
_SAID_SHOWS = {
    "no": "not known to show who did it",
    "assumed": "assumed to show who did it",
    "shown-by-record": "a record shows that it is who did it",
    "shown-by-witness": "a witness says that it is who did it",
}
PARAMETERS: dict[Operation, tuple[tuple[str, str, int, int], ...]] = {
    Operation.CROP: (
        ("left", "Left border, in pixels from the left", 0, 100_000),
        ("top", "Upper border, in pixels from the top", 0, 100_000),
        ("width", "Width, in pixels", 1, 100_000),
        ("height", "Height, in pixels", 1, 100_000),
    ),
    Operation.TURN: (("quarters", "Quarter turns clockwise", 1, 3),),
    Operation.BRIGHTNESS: (("percent", "Percent; 100 leaves it as it is", 10, 400),),
    Operation.CONTRAST: (("percent", "Percent; 100 leaves it as it is", 10, 400),),
    Operation.GREY: (),
}
"""Of each edit made here: its parameters with their labels and bounds."""


@router.get("/cases/{case}/probes/new")
def upload_page(at: Annotated[At, needs("probe.upload")], case: Id) -> Response:
    """The form that a probe is uploaded with."""
    return _upload(at, case)


@router.post("/cases/{case}/probes/new")
def upload(at: Annotated[At, needs("probe.upload")], case: Id) -> Response:
    """Keep the original of a probe; or say why it is refused."""

    def work() -> Response:
        fields = at.fields
        sort = fields.one_of("sort", bundled_vocabulary()["probe.kind"].words)
        provenance = Provenance(
            fields.one_of("shows", bundled_vocabulary()["probe.shows-actor"].words),
            fields.choice("known_by", KnownBy),
            fields.lines("provenance", most=2000, needed=False),
            fields.maybe_date("captured_on"),
        )
        if provenance.captured_on is not None and provenance.captured_on > at.today:
            raise InputError("this day is yet to come", where="captured_on")
        data = fields.file("file", most_bytes=MOST_BYTES)
        made = upload_probe(
            at.desk, at.actor(), case, house=at.deployment.house, engine=at.deployment.engine,
            data=data, sort=sort, provenance=provenance,
        )  # fmt: skip
        if isinstance(made, ProbeRefused):
            return at.page("probes/refused.html.j2", refused=made, case=own_case_view(at, case))
        return at.see(f"/probes/{made}", done=_UPLOADED)

    return at.attempt(work, lambda at: _upload(at, case))


@router.get("/probes")
def waiting_page(at: Annotated[At, needs("probe.judge")]) -> Response:
    """What waits for an examiner's judgement."""
    waiting = probes_to_judge(at.desk, at.looker())
    return at.page("probes/waiting.html.j2", waiting=waiting, full=len(waiting) == MOST)


@router.get("/probes/{probe}")
def probe_page(at: Annotated[At, needs("case.read")], probe: Id) -> Response:
    """A probe with every step, for whoever may read its case."""
    case, item, people = _read(at, probe)
    return at.page(
        "probes/show.html.j2", case=case, probe=item, people=people,
        mine=is_owner(at, case) and case.state is CaseState.OPEN,
        known_by=_SAID_KNOWN_BY[KnownBy(item.known_by)], shows=_SAID_SHOWS[item.shows],
    )  # fmt: skip


@router.get("/probes/{probe}/images/{sha256}")
def image(at: Annotated[At, needs("case.read")], probe: Id, sha256: Digest) -> Response:
    """One picture of a probe, original or edited."""
    return picture_answer(
        read_image(at.desk, at.looker(), probe, house=at.deployment.house, sha256=sha256)
    )


@router.get("/probes/{probe}/edit")
def edit_page(at: Annotated[At, needs("probe.edit")], probe: Id) -> Response:
    """Which edit; then its form."""
    query = at.request.query_params
    return _edit(at, probe, query.get("operation", ""), query.get("from", ""))


@router.post("/probes/{probe}/edit")
def edit(at: Annotated[At, needs("probe.edit")], probe: Id) -> Response:
    """Make an edit here."""

    def work() -> Response:
        operation = Operation(at.fields.one_of("operation", MADE_HERE))
        before, reason = _before(at), at.fields.line("reason")
        parameters = {
            name: at.fields.number(name, least=least, most=most)
            for name, _, least, most in PARAMETERS[operation]
        }
        make_edit(
            at.desk, at.actor(), probe, house=at.deployment.house, engine=at.deployment.engine,
            before=before, operation=operation, parameters=parameters, reason=reason,
        )  # fmt: skip
        return at.see(f"/probes/{probe}", done=_EDITED)

    typed = at.fields.typed
    return at.attempt(work, lambda at: _edit(at, probe, typed("operation"), typed("before")))


@router.get("/probes/{probe}/edited")
def edited_page(at: Annotated[At, needs("probe.edit")], probe: Id) -> Response:
    """The form for an edit that was made elsewhere."""
    return _edited(at, probe)


@router.post("/probes/{probe}/edited")
def edited(at: Annotated[At, needs("probe.edit")], probe: Id) -> Response:
    """Record an edit that was made elsewhere, with its picture."""

    def work() -> Response:
        fields = at.fields
        done = Edit(
            fields.choice("operation", Operation), _parameters(fields.lines(
                "parameters", most=4000, needed=False)),
            fields.line("tool"), fields.line("tool_version"), fields.line("reason"),
            fields.ticked("alters"),
        )  # fmt: skip
        before, data = _before(at), fields.file("file", most_bytes=MOST_BYTES)
        add_edit(
            at.desk, at.actor(), probe, house=at.deployment.house, engine=at.deployment.engine,
            before=before, data=data, edit=done,
        )  # fmt: skip
        return at.see(f"/probes/{probe}", done=_EDITED)

    return at.attempt(work, lambda at: _edited(at, probe))


@router.get("/probes/{probe}/judge")
def judge_page(at: Annotated[At, needs("probe.judge")], probe: Id) -> Response:
    """The picture as it stands and what was measured, for an examiner."""
    return _judge(at, probe)


@router.get("/probes/{probe}/picture")
def picture(at: Annotated[At, needs("probe.view")], probe: Id) -> Response:
    """The picture as it stands, for an examiner."""
    data, _ = picture_to_judge(at.desk, at.looker(), probe, house=at.deployment.house)
    return picture_answer(data)


@router.post("/probes/{probe}/judge")
def judge(at: Annotated[At, needs("probe.judge")], probe: Id) -> Response:
    """Say whether the picture is good enough to search with."""

    def work() -> Response:
        reason = at.fields.choice("reason", Judgement)
        suitable = at.fields.one_of("suitable", ("yes", "no")) == "yes"
        shown = at.fields.typed("image")
        if not re.fullmatch(DIGEST, shown):
            raise InputError("it is not said which picture was seen", where="image")
        judge_probe(at.desk, at.actor(), probe, image=shown, suitable=suitable, reason=reason)
        return at.see("/probes", done=_JUDGED)

    return at.attempt(work, lambda at: _judge(at, probe))


def _read(at: At, probe: str) -> tuple[CaseView, ProbeItem, dict[str, str]]:
    case = case_of_probe(at.desk, at.looker(), probe)
    file = read_case_file(at.desk, at.looker(), case, house=at.deployment.house, part=NO_REQUESTS)
    item = next(one for one in file.probes if one.id == probe)
    return file.case, item, dict(file.people)


def _own(at: At, probe: str) -> tuple[CaseView, ProbeItem]:
    case, item, _ = _read(at, probe)
    if not is_owner(at, case):
        raise NotAllowedError("there is no such case for you")  # as for one that is not there
    return case, item


def _upload(at: At, case: str) -> Response:
    words = bundled_vocabulary()
    return at.page(
        "probes/upload.html.j2", case=own_case_view(at, case), most_bytes=MOST_BYTES,
        sorts=[(code, says + (" (is refused)" if code in REFUSED_KINDS else ""))
               for code, says in said_words(words["probe.kind"].words)],
        shows=list(_SAID_SHOWS.items()),
        known_by=[(code.value, says) for code, says in _SAID_KNOWN_BY.items()],
    )  # fmt: skip


def _edit(at: At, probe: str, operation: str, before: str) -> Response:
    case, item = _own(at, probe)
    chosen = Operation(operation) if operation in {one.value for one in MADE_HERE} else None
    known = {one.sha256: one for one in item.images}
    begin = known.get(before, known[item.image])
    return at.page(
        "probes/edit.html.j2", case=case, probe=item, chosen=chosen, before=begin,
        operations=list(PARAMETERS), parameters=PARAMETERS[chosen] if chosen else (),
    )  # fmt: skip


def _edited(at: At, probe: str) -> Response:
    case, item = _own(at, probe)
    says = [
        (one.value, words + (": changes what the face looks like" if one in ALTERING else ""))
        for one, (_, words) in zip(Operation, said_words(Operation), strict=True)
    ]
    images = [
        (one.sha256, f"{'the original' if one.number == 0 else f'step {one.number}'}: "
         f"{one.sha256[:12]}")
        for one in item.images
    ]  # fmt: skip
    return at.page(
        "probes/edited.html.j2", case=case, probe=item, operations=says, images=images,
        most_bytes=MOST_BYTES,
    )  # fmt: skip


def _judge(at: At, probe: str) -> Response:
    data, quality = picture_to_judge(at.desk, at.looker(), probe, house=at.deployment.house)
    return at.page(
        "probes/judge.html.j2", probe=probe, image=sha256_bytes(data), quality=quality,
        reasons=said_words(Judgement),
    )  # fmt: skip


def _before(at: At) -> str:
    before = at.fields.typed("before")
    if not re.fullmatch(DIGEST, before):
        raise InputError("it is not said from which picture", where="before")
    return before


def _parameters(text: str) -> dict[str, str | int | bool]:
    """``name = value`` lines; whole numbers stay numbers."""
    found: dict[str, str | int | bool] = {}
    for line in filter(str.strip, text.splitlines()):
        name, sign, value = (part.strip() for part in line.partition("="))
        if not sign or not name or name in found:
            raise InputError("not a line of the form name = value, or a name again",
                             where="parameters")  # fmt: skip
        found[name] = int(value) if re.fullmatch(r"-?[0-9]{1,15}", value) else value
    return found
