"""The real parts behind what searches, reviews and leads ask for.

The others of this room know protocols; here they meet cases, probes, audits, galleries and the
search of `scores`. The key that signs permits lives in `PermitIssuer` and nowhere else: there is
no other way to a search, and `GallerySearcher` signs for exactly one order at a time.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.audit import Audit
from countenance.core import CountenanceError, IntegrityError, Progress, no_progress
from countenance.desk import workingset
from countenance.desk.assembling import RequestForm, assemble, form_of
from countenance.desk.audits import AcceptedAudit, audit_of
from countenance.desk.cases import Case
from countenance.desk.clock import Clock
from countenance.desk.errors import NotAllowedError
from countenance.desk.facts import APPROVAL
from countenance.desk.galleries import RecordedGalleries
from countenance.desk.gallery_tables import Gallery as GalleryRow
from countenance.desk.heldrows import HeldRows
from countenance.desk.house import House
from countenance.desk.outside import CaseAsk, CaseOf
from countenance.desk.probes import Probe, image_bytes
from countenance.desk.quality import read_upload
from countenance.desk.requests import SearchRequest, frozen_of
from countenance.desk.reviews import Reference
from countenance.desk.searches import Found, Order, ReadyRequest, Search
from countenance.desk.service import Desk
from countenance.desk.timeline import handle
from countenance.faces import Engine
from countenance.law import Request, request_of
from countenance.scores import Gallery, Permit, PermitTerms, open_gallery, probe_digest, search

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_TELL = logging.getLogger(__name__)
_BLOCK_BYTES = 8 << 20  # held; a search beside busy pages waits for its turn at every block


class PermitIssuer:
    """Holds the key whose permits the desk's galleries ask for."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw().hex()

    def __repr__(self) -> str:
        return f"PermitIssuer({self.public})"

    def sign(self, order: Order, *, gallery: str) -> Permit:
        """A permit for exactly one order in the gallery of this id."""
        ready = order.request
        terms = PermitTerms(
            request=ready.digest, decision=order.decision, gallery=gallery, engine=ready.engine,
            probes=(ready.probe,), threshold=ready.threshold, rank=ready.list_length,
            not_before_s=order.not_before_s, expires_s=order.expires_s,
        )  # fmt: skip
        return Permit(terms, self._key.sign(terms.message))


class GallerySearcher:
    """Searches the desk's own galleries; see `searches.Searcher`. Safe across threads.

    Parameters
    ----------
    root
        The folder of the searchable files (`workingset`).
    engine
        Makes the probe's template, anew and checked against the digest that was approved.
    """

    def __init__(
        self, desk: Desk, house: House, *, root: Path, engine: Engine, issuer: PermitIssuer
    ) -> None:
        self._desk = desk
        self._house = house
        self._root = root
        self._engine = engine
        self._issuer = issuer
        self._open: dict[str, tuple[Gallery, workingset.RowKeys, HeldRows]] = {}
        self._turn = threading.Lock()

    def search(self, order: Order) -> Found:
        """Search under a permit for this order.

        Raises
        ------
        IntegrityError
            The probe's template is not the one that was approved, or the gallery is damaged.
        PermitError
            The permit does not cover it: the gallery was swapped, or too much time went by.
        """
        ready = order.request
        template = self._template(ready)
        with self._turn:
            gallery, keys, rows = self._gallery(ready.gallery, ready.engine)
            keys.refresh()  # what was removed is not compared from here on
            result = search(
                gallery, template, permit=self._issuer.sign(order, gallery=gallery.header.gallery),
                threshold=ready.threshold, rank=ready.list_length,
                now_s=lambda: self._desk.now().timestamp(),
            )  # fmt: skip
            rows.forget_unused()
        return Found(
            gallery_digest=result.gallery_digest, compared=result.compared,
            unit=result.unit.to_json(),
            candidates=tuple((each.id, each.score) for each in result.lists[0].candidates),
        )  # fmt: skip

    def warm(self, progress: Progress = no_progress) -> None:
        """Open what can be searched, before anybody is served: some 30 s for a million templates.

        While a service answers, it would take minutes, and all pages would be slow meanwhile.
        What cannot be opened is told to the operator, and to whoever searches it.
        """
        engine = self._engine.card.identity
        with self._desk.store.reading() as db:
            codes = db.scalars(
                select(GalleryRow.code).where(GalleryRow.engine == engine)
                .order_by(GalleryRow.code)
            ).all()  # fmt: skip
        for code in codes:
            if not (workingset.place_of(self._root, code, engine) / "gallery").exists():
                continue
            try:
                self._warm(code, engine, progress)
            except CountenanceError as error:
                _TELL.error(f"the gallery {code} does not open: {error.diagnostics()}")

    def _warm(self, code: str, engine: str, progress: Progress) -> None:
        with self._turn:
            gallery, keys, rows = self._gallery(code, engine, progress, hurried=True)
            rows.hurried = True
            try:
                gallery.open_all(progress)
                rows.forget_unused()
            finally:
                rows.hurried = keys.hurried = False

    def close(self) -> None:
        """Let go of the galleries."""
        with self._turn:
            for gallery, _, _ in self._open.values():
                gallery.close()
            self._open.clear()

    def _gallery(
        self, code: str, engine: str, progress: Progress = no_progress, *, hurried: bool = False
    ) -> tuple[Gallery, workingset.RowKeys, HeldRows]:
        if code not in self._open:
            keys = workingset.RowKeys(self._desk, code, self._house.keys)
            keys.hurried = hurried
            keys.refresh(progress)
            rows = HeldRows(keys)
            place = workingset.place_of(self._root, code, engine)
            gallery = open_gallery(
                place, codec=rows, issuer=self._issuer.public, block_bytes=_BLOCK_BYTES,
                progress=progress,
            )  # fmt: skip
            self._open[code] = gallery, keys, rows
        return self._open[code]

    def _template(self, ready: ReadyRequest) -> npt.NDArray[np.int16]:
        with self._desk.store.reading() as db:
            data = probe_picture(db, self._house, ready.id)
        (found,) = self._engine.enrol([read_upload(data)])
        if self._engine.card.identity != ready.engine or found.template is None:
            raise IntegrityError("the probe gives no template with the engine that was approved")
        if probe_digest(found.template, engine=ready.engine) != ready.probe:
            raise IntegrityError("the probe's template is not the one that was approved")
        return found.template


class CasePictures:
    """Pictures of searches; see `reviews.Pictures`."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._galleries = RecordedGalleries(house.keys)

    def probe(self, db: Session, search: Search) -> bytes:
        """The picture that was searched with, as it was approved."""
        return probe_picture(db, self._house, search.request)

    def reference(self, db: Session, gallery: str, candidate: str) -> bytes:
        """A candidate's picture. Raises NotAllowedError where it was removed since."""
        return self._galleries.reference(db, gallery, candidate)

    def about(self, db: Session, gallery: str, candidate: str) -> Reference:
        """What is recorded of it; of one that was removed since, when that was."""
        return self._galleries.about(db, gallery, candidate)


class AcceptedAudits:
    """Audits by their digest; see `leadviews.Audits`."""

    def audit(self, db: Session, digest: str) -> Audit | None:
        """The audit a search was made under, also where it was withdrawn since."""
        row = db.scalars(
            select(AcceptedAudit).where(AcceptedAudit.digest == digest)
            .order_by(AcceptedAudit.accepted_at.desc()).limit(1)
        ).first()  # fmt: skip
        return None if row is None else audit_of(row)


class RequestFacts:
    """The facts behind a search; see `reliance.Facts`."""

    def __init__(self, house: House) -> None:
        self._house = house

    def request(self, db: Session, search: Search) -> Request:
        """As they were frozen, and that a second person approved them: else there is no search."""
        frozen = _frozen(db, self._house, search.request)
        law = request_of(frozen["law"])
        return law.knowing({APPROVAL: True})


def case_of(house: House, clock: Clock) -> CaseOf:
    """Cases as asking and receiving know them: by the facts of the newest request in each.

    Its approval is not taken along: it was for a search here, and for nothing else.
    """

    def found(db: Session, case_id: str) -> CaseAsk:
        case = db.get(Case, case_id)
        if case is None:
            raise NotAllowedError("there is no such case for you")
        newest = db.scalars(
            select(SearchRequest).where(SearchRequest.case_id == case_id)
            .order_by(SearchRequest.submitted_at.desc(), SearchRequest.id).limit(1)
        ).first()  # fmt: skip
        form = RequestForm(case_id)
        if newest is not None:
            form = form_of(frozen_of(db, house, newest)["standing"]["form"])
        matter = assemble(db, house, form, requester=case.opened_by, now=clock(), approved=False)
        return CaseAsk(case_id, handle(case_id), case.opened_by, matter.law)

    return found


def probe_picture(db: Session, house: House, request: str) -> bytes:
    """The picture of a request's probe that was approved, whatever was edited since."""
    standing = _frozen(db, house, request)["standing"]
    probe = db.get_one(Probe, standing["form"]["probe"])
    return image_bytes(db, house, probe, standing["probe"]["image"])


def _frozen(db: Session, house: House, request: str) -> dict[str, Any]:
    return frozen_of(db, house, db.get_one(SearchRequest, request))
