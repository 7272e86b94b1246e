"""What is done with probes: an original comes, is edited step by step, and is judged by a person.

Pictures are decoded and measured before the transaction: nothing slow or hostile runs in it. And
before that the desk asks who it is: nothing is decoded for whom it is not to be done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.core import InputError, sha256_bytes
from countenance.desk.base import new_id
from countenance.desk.cases import Case, CaseState, own_case, readable
from countenance.desk.edits import MADE_HERE, Edit, Operation, make
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.house import House
from countenance.desk.probes import (
    REFUSED_KINDS,
    Judgement,
    Probe,
    ProbeEdit,
    ProbeImage,
    ProbeState,
    Provenance,
    image_bytes,
    place_of,
    quality_of,
)  # fmt: skip
from countenance.desk.quality import Quality, measure, read_upload
from countenance.desk.service import Actor, Desk, Doing
from countenance.desk.timeline import handle
from countenance.faces import Engine
from countenance.law import Effect, Request, bundled_vocabulary


@dataclass(frozen=True, slots=True)
class ProbeRefused:
    """A probe that is none: the sentences that say so, each with its citation."""

    sort: str
    sentences: tuple[str, ...]


def upload_probe(
    desk: Desk, actor: Actor, case_id: str, *, house: House, engine: Engine, data: bytes,
    sort: str, provenance: Provenance,
) -> str | ProbeRefused:  # fmt: skip
    """Keep the original of a probe; its id, or why it is refused (nothing of it is then kept).

    `sort` is a word of ``probe.kind``. Raises InputError where the bytes are no picture we read.
    """
    digest = sha256_bytes(data)  # before anything looks at it
    try:
        bundled_vocabulary()["probe.kind"].accept(sort)
    except ValueError as error:
        raise InputError("not a sort of probe", where="sort", expected=str(error)) from None
    if sort in REFUSED_KINDS:
        return _refuse(desk, actor, case_id, house, sort, digest)
    desk.look(actor, "probe.upload", lambda db: own_case(db, actor, case_id, CaseState.OPEN))
    quality = measure(read_upload(data), engine)

    def work(doing: Doing) -> str:
        case = own_case(doing.db, actor, case_id, CaseState.OPEN)
        probe = Probe(
            id=new_id(), case_id=case.id, state=ProbeState.WAITING, sort=sort,
            shows=provenance.shows, known_by=provenance.known_by, original=digest, image=digest,
            uploaded_by=actor.account, uploaded_at=doing.now,
        )  # fmt: skip
        clear = asdict(provenance)
        day = provenance.captured_on
        clear["captured_on"] = None if day is None else day.isoformat()
        probe.provenance = house.keys.seal(
            doing.db, handle(case.id), json.dumps(clear).encode(),
            purpose=f"provenance {probe.id}", now=doing.now,
        )  # fmt: skip
        doing.db.add(probe)
        doing.db.flush()
        _keep(doing, house, probe, 0, data, digest, quality)
        doing.record.add(
            doing.db, "probe-received", about=handle(case.id),
            public={"sort": sort, "shows": provenance.shows,
                    "known_by": provenance.known_by.value},
            private={"case": case.number, "actor": actor.account, "probe": probe.id,
                     "image": digest, "bytes": len(data), "provenance": clear,
                     "quality": quality.to_json()},
        )  # fmt: skip
        return probe.id

    return desk.act(actor, "probe.upload", work)


def add_edit(
    desk: Desk, actor: Actor, probe_id: str, *, house: House, engine: Engine, before: str,
    data: bytes, edit: Edit,
) -> str:  # fmt: skip
    """Record an edit made elsewhere: `before` is the SHA-256 of the image it began from.

    Returns the SHA-256 of the new image. Raises StateError where the probe has no such image.
    """
    return _edit(desk, actor, probe_id, house, engine, before, data, edit, made_here=False)


def make_edit(
    desk: Desk, actor: Actor, probe_id: str, *, house: House, engine: Engine, before: str,
    operation: Operation, parameters: Mapping[str, int], reason: str,
) -> str:  # fmt: skip
    """Do an edit here and record it. As `add_edit`."""
    import PIL

    from countenance import __version__

    if operation not in MADE_HERE:
        raise InputError(f"{operation.value} is not made here", do="upload the edited image")
    edit = Edit(operation, parameters, "countenance", f"{__version__} (Pillow {PIL.__version__})",
                reason)  # fmt: skip
    clear = desk.look(
        actor, "probe.edit",
        lambda db: image_bytes(db, house, _own_probe(db, actor, probe_id), before),
    )  # fmt: skip
    data = make(read_upload(clear), operation, parameters)
    return _edit(desk, actor, probe_id, house, engine, before, data, edit, made_here=True)


def judge_probe(
    desk: Desk, actor: Actor, probe_id: str, *, image: str, suitable: bool, reason: Judgement
) -> None:
    """A trained person's decision on the image as it stands, before any search.

    Raises NotAllowedError for whoever has to do with the case, StateError where the image is
    another by now, was judged already, or shows no one face to search with.
    """
    if suitable != (reason is Judgement.CLEAR_ENOUGH):
        raise InputError("the reason does not go with the decision", where="reason")

    def work(doing: Doing) -> None:
        probe = doing.db.get(Probe, probe_id, with_for_update=True)
        case = None if probe is None else doing.db.get(Case, probe.case_id)
        if probe is None or case is None or actor.account in (case.opened_by, probe.uploaded_by):
            raise NotAllowedError("this probe is not yours to judge")
        if probe.state != ProbeState.WAITING or probe.image != image:
            raise StateError("the probe is not as you saw it", do="look again")
        quality = quality_of(doing.db, probe)
        if suitable and not quality.ok:
            raise StateError(f"no search can be made with it: {quality.reason}")
        probe.state = ProbeState.SUITABLE if suitable else ProbeState.UNSUITABLE
        probe.judged_by, probe.judged_at, probe.judgement = actor.account, doing.now, reason
        doing.record.add(
            doing.db, "probe-judged", about=handle(case.id),
            public={"suitable": suitable, "reason": reason.value},
            private={"case": case.number, "actor": actor.account, "probe": probe.id,
                     "image": image},
        )  # fmt: skip

    desk.act(actor, "probe.judge", work)


def waiting_probes(desk: Desk, actor: Actor) -> list[tuple[str, str]]:
    """(probe, image) that wait for this examiner's judgement, the oldest first."""
    waiting = (
        select(Probe.id, Probe.image).join(Case, Case.id == Probe.case_id)
        .where(Probe.state == ProbeState.WAITING, Case.state == CaseState.OPEN,
               Case.opened_by != actor.account, Probe.uploaded_by != actor.account)
        .order_by(Probe.uploaded_at)
    )  # fmt: skip
    return desk.look(
        actor, "probe.view", lambda db: [(row.id, row.image) for row in db.execute(waiting)]
    )


def picture_to_judge(
    desk: Desk, actor: Actor, probe_id: str, *, house: House
) -> tuple[bytes, Quality]:
    """The image as it stands and its measures: what an examiner sees, and nothing of the case.

    Only while it waits to be judged: nobody looks through the probes of others for no reason.
    """

    def work(db: Session) -> tuple[bytes, Quality]:
        probe = db.get(Probe, probe_id)
        case = None if probe is None else db.get(Case, probe.case_id)
        if probe is None or case is None or actor.account in (case.opened_by, probe.uploaded_by):
            raise NotAllowedError("this probe is not yours to judge")
        if probe.state != ProbeState.WAITING or case.state != CaseState.OPEN:
            raise NotAllowedError("this probe is not yours to judge")
        return image_bytes(db, house, probe, probe.image), quality_of(db, probe)

    return desk.look(actor, "probe.view", work)


def read_image(desk: Desk, actor: Actor, probe_id: str, *, house: House, sha256: str) -> bytes:
    """One image of a probe, original or edited, for whoever may read its case."""

    def work(db: Session) -> bytes:
        probe = db.get(Probe, probe_id)
        if probe is None:
            raise NotAllowedError("there is no such case for you")  # as `readable` says it
        readable(db, actor, probe.case_id)
        return image_bytes(db, house, probe, sha256)

    return desk.look(actor, "case.read", work)


def _own_probe(db: Session, actor: Actor, probe_id: str) -> Probe:
    probe = db.get(Probe, probe_id)
    if probe is None:
        raise NotAllowedError("there is no such case for you")  # as `own_case` says it
    own_case(db, actor, probe.case_id, CaseState.OPEN)
    return probe


def _edit(
    desk: Desk, actor: Actor, probe_id: str, house: House, engine: Engine, before: str,
    data: bytes, edit: Edit, *, made_here: bool,
) -> str:  # fmt: skip
    after = sha256_bytes(data)
    desk.look(actor, "probe.edit", lambda db: _own_probe(db, actor, probe_id))
    quality = measure(read_upload(data), engine)

    def work(doing: Doing) -> str:
        probe = _own_probe(doing.db, actor, probe_id)
        shas = doing.db.scalars(
            select(ProbeImage.sha256).where(ProbeImage.probe_id == probe.id)
        ).all()
        if before not in shas:
            raise StateError("the probe has no such image", do="begin from one that it has")
        if after in shas:
            raise StateError("the probe has this image already; nothing was changed by the edit")
        number = len(shas)
        _keep(doing, house, probe, number, data, after, quality)
        details = {"parameters": dict(edit.parameters), "tool": edit.tool,
                   "tool_version": edit.tool_version, "reason": edit.reason}  # fmt: skip
        doing.db.add(
            ProbeEdit(
                probe_id=probe.id, number=number, before=before, after=after,
                operation=edit.operation, substantial=edit.substantial, made_here=made_here,
                operator=actor.account, at=doing.now,
                details=house.keys.seal(
                    doing.db, handle(probe.case_id), json.dumps(details).encode(),
                    purpose=f"edit {probe.id} {number}", now=doing.now,
                ),
            )
        )  # fmt: skip
        probe.image, probe.state = after, ProbeState.WAITING
        probe.judged_by = probe.judged_at = probe.judgement = None
        case = doing.db.get_one(Case, probe.case_id)
        doing.record.add(
            doing.db, "probe-edited", about=handle(case.id),
            public={"operation": edit.operation.value, "substantial": edit.substantial,
                    "step": number},
            private={"case": case.number, "actor": actor.account, "probe": probe.id,
                     "before": before, "after": after, "edit": details,
                     "quality": quality.to_json()},
        )  # fmt: skip
        return after

    return desk.act(actor, "probe.edit", work)


def _keep(
    doing: Doing, house: House, probe: Probe, number: int, data: bytes, digest: str,
    quality: Quality,
) -> None:  # fmt: skip
    row = ProbeImage(probe_id=probe.id, number=number, sha256=digest,
                     quality=json.dumps(quality.to_json()))  # fmt: skip
    row.box = house.keys.seal(doing.db, handle(probe.case_id), data, purpose=place_of(row),
                              now=doing.now)  # fmt: skip
    doing.db.add(row)


def _refuse(
    desk: Desk, actor: Actor, case_id: str, house: House, sort: str, digest: str
) -> ProbeRefused:
    decision = house.decide(
        Request(desk.clock(), house.jurisdictions, (), {"act": "search", "probe.kind": sort})
    )
    sentences = tuple(r.sentence for r in decision.reasons if r.effect is Effect.PROHIBITS) or (
        "A probe is a photograph of the person searched for. [Countenance: docs/law.md]",
    )

    def work(doing: Doing) -> None:
        case = own_case(doing.db, actor, case_id, CaseState.OPEN)
        doing.record.add(
            doing.db, "probe-refused", about=handle(case.id), public={"sort": sort},
            private={"case": case.number, "actor": actor.account, "probe": digest},
        )  # fmt: skip

    desk.act(actor, "probe.upload", work)
    return ProbeRefused(sort, sentences)
