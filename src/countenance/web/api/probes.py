"""Probes: the original bytes first, each edit a step, a person's word before any search.

A picture is the body of its call, ``application/octet-stream``. What is said in words of it stands
in headers (percent-encoded UTF-8), not in the address: addresses are kept in access logs.
"""

from __future__ import annotations

import datetime
import json
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.edits import Edit, Operation
from countenance.desk.probe_steps import (
    ProbeRefused,
    add_edit,
    judge_probe,
    make_edit,
    picture_to_judge,
    read_image,
    upload_probe,
    waiting_probes,
)
from countenance.desk.probes import Judgement, KnownBy, Provenance
from countenance.desk.quality import MOST_BYTES
from countenance.web.access import needs
from countenance.web.api.base import CodeText, DigestText, In, Line, Out, Words, worded
from countenance.web.api.casefile import Quality
from countenance.web.api.routing import PICTURE, UPLOAD, Router, bytes_of
from countenance.web.at import At
from countenance.web.ids import Digest, Id
from countenance.web.pictures import picture_answer

router = Router("probes")
Code = Annotated[str, Query(max_length=64, pattern=r"^[a-z0-9\-]+$")]
Short = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Picture = Annotated[bytes, bytes_of(MOST_BYTES)]


class ProbeTaken(Out):
    """The probe was taken, and waits for an examiner's judgement."""

    state: Literal["waiting"] = "waiting"
    probe: str


class ProbeNotTaken(Out):
    """Refused, and nothing of it kept: the sentences that say so, each with its citation."""

    state: Literal["refused"] = "refused"
    sort: str
    sentences: tuple[str, ...]


class ImageMade(Out):
    """The SHA-256 of the image as it stands now."""

    image: str


class NewEdit(In):
    """An edit that the desk is to make. `before`: the SHA-256 of the image it begins from."""

    before: DigestText
    operation: Operation
    parameters: dict[CodeText, Annotated[int, Field(ge=-(2**31), lt=2**31)]] = Field(
        default={}, max_length=16
    )
    reason: Annotated[str, Line(200)]


class ProbeJudgement(In):
    """Whether a search may be made with it. `image`: the SHA-256 of the image that was seen."""

    image: DigestText
    suitable: bool
    reason: Judgement


class WaitingProbe(Out):
    """A probe that waits for a judgement; `image` is the SHA-256 of its picture as it stands."""

    probe: str
    image: str


@router.post(
    "/cases/{case}/probes", status_code=201, openapi_extra=UPLOAD,
    response_model=Annotated[ProbeTaken | ProbeNotTaken, Field(discriminator="state")],
)  # fmt: skip
def upload_a_probe(
    at: Annotated[At, needs("probe.upload")], case: Id, sort: Code, shows: Code,
    known_by: KnownBy, data: Picture, captured_on: datetime.date | None = None,
    explanation: Words = "",
) -> ProbeTaken | ProbeNotTaken:  # fmt: skip
    """Keep the original of a probe, or be told why it is none.

    `sort`, `shows` are words of the law's vocabulary (``probe.kind``, ``probe.shows-actor``). The
    header ``explanation`` says where the picture is from and how it came here.
    """
    said = Provenance(
        shows, known_by, worded(explanation, "explanation", most=2000), captured_on
    )  # fmt: skip
    made = upload_probe(
        at.desk, at.actor(), case, house=at.deployment.house, engine=at.deployment.engine,
        data=data, sort=sort, provenance=said,
    )  # fmt: skip
    if isinstance(made, ProbeRefused):
        return ProbeNotTaken(sort=made.sort, sentences=made.sentences)
    return ProbeTaken(probe=made)


@router.post(
    "/probes/{probe}/edits/upload", status_code=201, response_model=ImageMade,
    openapi_extra=UPLOAD,
)  # fmt: skip
def upload_an_edit(
    at: Annotated[At, needs("probe.edit")], probe: Id,
    before: Annotated[str, Query(pattern=r"^[0-9a-f]{64}$")], operation: Operation, tool: Short,
    tool_version: Short, data: Picture, reason: Words, alters: bool = False,
    parameters: Words = "",
) -> ImageMade:  # fmt: skip
    """Record an edit that was made elsewhere: the picture that came of it, and how.

    The header ``reason`` says why; ``parameters`` is a JSON object of short texts and numbers.
    """
    edit = Edit(
        operation, _parameters(worded(parameters, "parameters", most=5000)), tool, tool_version,
        worded(reason, "reason", most=200), alters,
    )  # fmt: skip
    return ImageMade(
        image=add_edit(
            at.desk, at.actor(), probe, house=at.deployment.house, engine=at.deployment.engine,
            before=before, data=data, edit=edit,
        )
    )  # fmt: skip


@router.post("/probes/{probe}/edits", status_code=201, response_model=ImageMade)
def make_an_edit(
    at: Annotated[At, needs("probe.edit")], probe: Id, sent: NewEdit
) -> ImageMade:  # fmt: skip
    """Have the desk make an edit, and record it."""
    return ImageMade(
        image=make_edit(
            at.desk, at.actor(), probe, house=at.deployment.house, engine=at.deployment.engine,
            before=sent.before, operation=sent.operation, parameters=sent.parameters,
            reason=sent.reason,
        )
    )  # fmt: skip


@router.get("/probes/waiting", response_model=list[WaitingProbe])
def list_waiting_probes(at: Annotated[At, needs("probe.view")]) -> list[WaitingProbe]:
    """Probes that wait for this examiner's judgement, the oldest first."""
    found = waiting_probes(at.desk, at.looker())
    return [WaitingProbe(probe=probe, image=image) for probe, image in found]


@router.get("/probes/{probe}/quality", response_model=Quality)
def show_probe_quality(at: Annotated[At, needs("probe.view")], probe: Id) -> object:
    """What was measured of the picture that is to be judged."""
    return picture_to_judge(at.desk, at.looker(), probe, house=at.deployment.house)[1]


@router.get("/probes/{probe}/picture", response_class=Response, responses=PICTURE)
def show_probe_to_judge(at: Annotated[At, needs("probe.view")], probe: Id) -> Response:
    """The picture that is to be judged, and nothing of the case."""
    data, _ = picture_to_judge(at.desk, at.looker(), probe, house=at.deployment.house)
    return picture_answer(data)


@router.get("/probes/{probe}/images/{sha256}", response_class=Response, responses=PICTURE)
def show_probe_image(at: Annotated[At, needs("case.read")], probe: Id, sha256: Digest) -> Response:
    """One picture of a probe, original or edited, for whoever may read its case."""
    return picture_answer(
        read_image(at.desk, at.looker(), probe, house=at.deployment.house, sha256=sha256)
    )


@router.post("/probes/{probe}/judge", status_code=204)
def judge_a_probe(
    at: Annotated[At, needs("probe.judge")], probe: Id, sent: ProbeJudgement
) -> None:
    """Say whether a search may be made with the picture as it stands."""
    judge_probe(
        at.desk, at.actor(), probe, image=sent.image, suitable=sent.suitable, reason=sent.reason
    )


def _parameters(text: str) -> dict[str, str | int | bool]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError("not a JSON object", where="parameters")
    return found
