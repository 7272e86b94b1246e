"""What people at a desk do: each step is the call that a page makes, by somebody who may."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from countenance.core import InputError
from countenance.desk import (
    gallerystatements,
    imports,
    leads,
    purging,
    reviewing,
)
from countenance.desk.approvals import approve
from countenance.desk.assembling import Document, RequestForm
from countenance.desk.audits import accept_audit
from countenance.desk.cases import CaseDetails, open_case
from countenance.desk.checklist import Answer, Checked, Question
from countenance.desk.decisions import begin
from countenance.desk.deployment import Deployment
from countenance.desk.edits import Operation
from countenance.desk.features import (
    Agreement,
    Comparison,
    Component,
    Conclusion,
    ProbeNotes,
    Visible,
)
from countenance.desk.galleries import NewGallery, make_gallery
from countenance.desk.invitations import bootstrap, invite
from countenance.desk.jobs import Handler, Worker
from countenance.desk.leadviews import list_leads
from countenance.desk.probe_steps import judge_probe, make_edit, picture_to_judge, upload_probe
from countenance.desk.probes import Judgement, KnownBy, Provenance
from countenance.desk.quality import read_upload
from countenance.desk.requests import Submitted, submit
from countenance.desk.searching import run_search
from countenance.desk.settings import approve_setting, propose_setting, read_settings
from countenance.desk.training import KINDS_OF_TRAINING, record_training
from countenance.desk.two_person import ask_invitation
from countenance.web.demo.cast import ROLES, Cast
from countenance.web.demo.device import InventedMaker
from countenance.web.demo.drawings import CARD, Invented, portrait
from countenance.web.demo.scenery import (
    ENROLLED_TAKE,
    GALLERY,
    PROBE_TAKE,
    Led,
    read_script,
)


class Steps:
    """One desk, its people and its clock, and what they do one after another."""

    def __init__(
        self, of: Deployment, cast: Cast, clock: Led, jobs: Mapping[str, Handler],
        maker: InventedMaker,
    ) -> None:  # fmt: skip
        self.of, self.cast, self.clock, self.jobs = of, cast, clock, jobs
        self.maker = maker
        self.script = read_script()

    def people(self) -> None:
        """Everybody joins, with training."""
        of, desk = self.of, self.of.desk
        ada = self.cast["Ada"]
        ada.join(of, bootstrap(desk, ada.name), self.maker)
        for player in self.cast.everybody():
            if player is ada:
                continue
            code = invite(desk, ada.to(of, "account.invite"), name=player.name,
                          roles=frozenset(ROLES[player.name]))  # fmt: skip
            player.join(of, code, self.maker)
            for role in KINDS_OF_TRAINING.intersection(ROLES[player.name]):
                record_training(
                    desk, ada.to(of, "account.training"), account=player.account,
                    kind=role, until=self.clock() + datetime.timedelta(days=330),
                    evidence="course of the invented academy, certificate 17",
                )  # fmt: skip
        ask_invitation(
            desk, ada.to(of, "account.invite"), name="Nadia Wells", grounds="a third administrator"
        )

    def gallery(self) -> None:
        """One gallery, its portraits imported and searchable."""
        of, desk, ada = self.of, self.of.desk, self.cast["Ada"]
        make_gallery(desk, ada.to(of, "gallery.create"), NewGallery(
            code=GALLERY, holder="own-agency", sources=frozenset({"booking-photos"}),
            basis="an invented act on records, section 5",
            purpose="leads in investigations of serious crime", keep_days=3_700, notice=True,
            engine=CARD.identity, engine_name=CARD.name,
        ))  # fmt: skip
        plan = imports.dry_run(
            desk, ada.to(of, "gallery.import-plan"), GALLERY, "first", root=of.imports,
            keys=of.keys,
        )  # fmt: skip
        imports.begin_import(
            desk, ada.to(of, "gallery.import"), GALLERY, "first", plan=plan, root=of.imports
        )
        self.work()
        purging.purge(desk, GALLERY, keys=of.keys)

    def stated(self) -> None:
        """The auditor looks the gallery through, and says what only a person can say of it."""
        of = self.of
        for question in gallerystatements.Question:
            gallerystatements.state(
                of.desk, self.cast["Ulla"].to(of, "gallery.state"), GALLERY, question, holds=True,
                until=self.clock() + datetime.timedelta(days=330),
                reason="every entry was looked through with the keeper of the records",
                keys=of.keys,
            )  # fmt: skip

    def work(self) -> None:
        """What a worker does, done here: imports, and the searchable file after them."""
        worker = Worker(self.of.desk, self.jobs)
        while worker.run_once():
            pass

    def measured(self, audited: bytes) -> None:
        """An audit is accepted, and a threshold put into force by two people."""
        of, desk = self.of, self.of.desk
        accept_audit(
            desk, self.cast["Ulla"].to(of, "audit.accept"), data=audited,
            policy=of.house.audit_policy, operational=True,
        )  # fmt: skip
        setting = propose_setting(
            desk, self.cast["Ada"].to(of, "setting.propose"), keys=of.keys,
            engine=CARD.identity, threshold=CARD.default_threshold, list_length=10,
            reason="as the audit's worst group allows",
        )  # fmt: skip
        (view,) = [
            one for one in read_settings(
                desk, self.cast["Asa"].to(of, "setting.read"), keys=of.keys, engine=CARD.identity
            ) if one.id == setting
        ]  # fmt: skip
        approve_setting(
            desk, self.cast["Asa"].to(of, "setting.approve"), setting, digest=view.digest
        )

    def opened(self, case: Mapping[str, Any]) -> str:
        """The case is opened."""
        details = CaseDetails(
            "identify-suspect", tuple(self.script.offences[case["offence"]]), case["section"],
            case["narrative"].strip().replace("\n", " "),
        )  # fmt: skip
        return open_case(
            self.of.desk, self.cast["Rita"].to(self.of, "case.open"), keys=self.of.keys,
            number=case["number"], details=details,
        )  # fmt: skip

    def probe(self, case: Mapping[str, Any], case_id: str, *, judged: bool = True) -> str:
        """Its probe comes, is made a little lighter, and is judged."""
        of, desk, rita = self.of, self.of.desk, self.cast["Rita"]
        self.clock.later(minutes=25)
        data = portrait(Invented(case["who"]), PROBE_TAKE)
        taken = (self.clock() - datetime.timedelta(days=1)).date()
        made = upload_probe(
            desk, rita.to(of, "probe.upload"), case_id, house=of.house, engine=of.engine,
            data=data, sort="cctv-frame",
            provenance=Provenance(
                "shown-by-record", KnownBy.RECORDING_OF_THE_ACT,
                "the frame in which the act begins; the witness points to the person", taken,
            ),
        )  # fmt: skip
        if not isinstance(made, str):
            raise InputError("the probe of the story was refused", where=case["number"])
        if judged:
            self.clock.later(minutes=95)
            if case["who"] % 3 == 2:
                make_edit(
                    desk, rita.to(of, "probe.edit"), made, house=of.house, engine=of.engine,
                    before=read_upload(data).sha256, operation=Operation.BRIGHTNESS,
                    parameters={"percent": 110}, reason="the frame is dark",
                )  # fmt: skip
            emma = self.cast["Emma"]
            shown, _ = picture_to_judge(desk, emma.to(of, "probe.judge"), made, house=of.house)
            judge_probe(
                desk, emma.to(of, "probe.judge"), made, image=read_upload(shown).sha256,
                suitable=True, reason=Judgement.CLEAR_ENOUGH,
            )  # fmt: skip
        return made

    def submitted(self, case: Mapping[str, Any]) -> tuple[str, Submitted]:
        """The request is submitted; the law decides."""
        of = self.of
        case_id = self.opened(case)
        probe = self.probe(case, case_id)
        self.clock.later(minutes=20)
        day = (self.clock() - datetime.timedelta(days=1)).date()
        form = RequestForm(
            case_id, probe, gallery=GALLERY, engine=CARD.identity, stated=self.script.stated,
            documents=(
                Document("warrant", f"W-{case['number'][-3:]}", "Judge Roe", day),
                Document("court-order", f"O-{case['number'][-3:]}", "Judge Roe", day),
                Document("supervisor", "memorandum", "Lt. Poe", day),
            ),
            elsewhere=(),
        )  # fmt: skip
        made = submit(of.desk, self.cast["Rita"].to(of, "request.submit"), house=of.house,
                      form=form)  # fmt: skip
        return case_id, made

    def approved(self, case: Mapping[str, Any]) -> tuple[str, str]:
        """A second person's passkey signs the request."""
        case_id, made = self.submitted(case)
        if not made.decision.permitted:
            told = "; ".join(reason.sentence for reason in made.decision.reasons[:3])
            raise InputError(f"the story's request was refused: {told}", where=case["number"])
        self.clock.later(minutes=130)
        asa = self.cast["Asa"].signing(self.of, "request.approve", made.digest)
        approve(self.of.desk, asa, made.id, house=self.of.house, digest=made.digest,
                assertion=None)  # fmt: skip
        return case_id, made.id

    def searched(self, case: Mapping[str, Any]) -> str:
        """The search is made, sealed, published, and opened for review."""
        _, request = self.approved(case)
        of, rita = self.of, self.cast["Rita"]
        self.clock.later(minutes=35)
        actor = rita.to(of, "search.run")
        begin(of.desk, actor, request, house=of.house)
        return run_search(of.desk, actor, request, means=of.means).id

    def examined(self, name: str, case: Mapping[str, Any], *, same: bool) -> None:
        """One examiner looks at the list, alone."""
        of, desk = self.of, self.of.desk
        self.clock.later(minutes=170)

        def actor(action: str) -> Any:
            return self.cast[name].to(of, action)

        task = reviewing.take(desk, actor("review.take"))
        if task is None:
            raise InputError("the story has nothing to examine", where=case["number"])
        reviewing.see_probe(desk, actor("review.read"), task, keys=of.keys, pictures=of.pictures)
        seen = ProbeNotes(
            dict.fromkeys(Component, Visible.CLEAR), "drawn from the front, lit evenly"
        )
        reviewing.note_probe(desk, actor("review.note-probe"), task, seen, keys=of.keys)
        found: dict[str, Comparison] = {}
        sought = portrait(Invented(case["who"]), ENROLLED_TAKE)
        for label in reviewing.see_candidates(desk, actor("review.read"), task, keys=of.keys):
            shown = reviewing.see_candidate(
                desk, actor("review.read"), task, label, keys=of.keys, pictures=of.pictures
            )
            is_same = same and shown == sought
            self.clock.later(minutes=9)
            found[label] = Comparison(
                dict.fromkeys(Component, Agreement.AGREE if is_same else Agreement.DIFFER),
                Conclusion.SAME if is_same else Conclusion.DIFFERENT,
                "the brows, the nose and the line of the jaw, in this order",
            )
        reviewing.conclude(desk, actor("review.conclude"), task, found, keys=of.keys)

    def lead(self, case: Mapping[str, Any]) -> str:
        """Two examiners agree; the lead is checked, supervised and issued."""
        of, desk, rita = self.of, self.of.desk, self.cast["Rita"]
        self.searched(case)
        self.examined("Emma", case, same=True)
        self.examined("Elias", case, same=True)
        lead = list_leads(desk, rita.to(of, "lead.read"))[0][0]
        leads.answer_checklist(
            desk, rita.to(of, "lead.checklist"), lead,
            {each: Checked(Answer.NOT_KNOWN, "asked, no answer yet") for each in Question},
            means=of.leads,
        )  # fmt: skip
        self.clock.later(minutes=240)
        leads.supervise(desk, self.cast["Amir"].to(of, "lead.supervise"), lead)
        leads.issue(desk, rita.to(of, "lead.issue"), lead, means=of.leads)
        return lead
