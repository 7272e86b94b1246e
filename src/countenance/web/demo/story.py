"""Five months at an invented desk: everything a page can show, done by invented people in order.

Each step is the call that a page makes, by an actor whose (simulated) passkey was asked; the clock
is the only thing that is led. A search here is permitted, recorded and sealed as any other.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from countenance.audit import audit
from countenance.core import InputError, Progress, no_progress
from countenance.datasets import read_dataset
from countenance.desk import (
    gallerystatements,
    imports,
    incidents,
    knownanswers,
    leads,
    outside,
    purging,
    reviewing,
    standing,
)
from countenance.desk.approvals import Declined, approve, decline
from countenance.desk.assembling import Document, RequestForm
from countenance.desk.audits import accept_audit
from countenance.desk.cases import CaseDetails, open_case
from countenance.desk.checklist import Answer, Checked, Question
from countenance.desk.decisions import begin
from countenance.desk.deployment import Deployment
from countenance.desk.edits import Operation
from countenance.desk.evidence import EvidenceKind, NewEvidence, Relation
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
from countenance.scores import enrol
from countenance.web.demo.cast import ROLES, Cast
from countenance.web.demo.device import InventedMaker
from countenance.web.demo.drawings import CARD, DrawingEngine, Invented, portrait

GALLERY = "booking"
PEOPLE = 90
AUDITED = 40  # people of each group whose portraits the audit is made with
_ENROLLED_TAKE, _PROBE_TAKE = 0, 1


class Led:
    """A clock that is led through the past, one second a look, until it is let go."""

    def __init__(self, days_ago: float) -> None:
        self._ends = datetime.datetime.now(datetime.UTC)
        begins = self._ends - datetime.timedelta(days=days_ago)
        self._now: datetime.datetime | None = begins

    def __call__(self) -> datetime.datetime:
        """The time there. It never passes the real one."""
        real = datetime.datetime.now(datetime.UTC)
        if self._now is None:
            return real
        self._now = min(self._now + datetime.timedelta(milliseconds=50), real)
        return self._now

    def to(self, days_ago: float) -> None:
        """Go to so many days before now, if it is not later there already."""
        there = self._ends - datetime.timedelta(days=days_ago)
        self._now = max(there, self._now or there)

    def later(self, *, minutes: float) -> None:
        """Some time goes by there."""
        if self._now is not None:
            self._now = min(self._now + datetime.timedelta(minutes=minutes), self._ends)

    def let_go(self) -> None:
        """From here on the real time."""
        self._now = None


@dataclass(frozen=True, slots=True)
class Script:
    """What `story.toml` holds."""

    house: Mapping[str, Any]
    stated: Mapping[str, Any]
    offences: Mapping[str, list[str]]
    cases: tuple[Mapping[str, Any], ...]


def read_script() -> Script:
    """The script that comes with the program."""
    text = files("countenance.web").joinpath("demo", "story.toml").read_text()
    found = tomllib.loads(text)
    return Script(found["house"], found["stated"], found["offences"], tuple(found["cases"]))


def write_portraits(folder: Path, *, progress: Progress = no_progress) -> None:
    """The pictures that are to be enrolled, with their manifest."""
    batch = folder / "first"
    batch.mkdir(parents=True, exist_ok=True)
    columns = "path,subject,source,basis,captured,expires,disposition,born,group.studio"
    lines = [columns]
    for number in range(PEOPLE):
        who = Invented(number)
        (batch / f"{number}.png").write_bytes(portrait(who, _ENROLLED_TAKE))
        year = 2019 + number % 7
        captured = f"{year}-05-{number % 28 + 1:02d}"
        lines.append(
            f"{number}.png,{who.subject},booking-photos,booking {number + 100},{captured},"
            f"{year + 10}-05-01,convicted,{1960 + number % 40}-02-03,{who.group}"
        )
        progress("drawing portraits", number + 1, PEOPLE)
    (batch / "manifest.csv").write_text("\n".join(lines) + "\n")


def measured(folder: Path, *, progress: Progress = no_progress) -> bytes:
    """A real audit of the drawing engine, on drawings of people who are not in the gallery."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["path,subject,studio"]
    for number in range(2_000, 2_000 + 2 * AUDITED):
        who = Invented(number)
        for take in range(3):
            name = f"{number}-{take}.png"
            (folder / name).write_bytes(portrait(who, take))
            lines.append(f"{name},{who.subject},{who.group}")
        progress("drawing portraits for the audit", number - 1_999, 2 * AUDITED)
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    templates = enrol(read_dataset(folder), DrawingEngine(), progress=progress)
    day = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=160)).date()
    made = audit(
        templates, groups=("studio",), thresholds=(CARD.default_threshold,),
        date=day.isoformat(), title="The drawing engine, on drawings", progress=progress,
    )  # fmt: skip
    return made.to_json().encode()


class Story:
    """The story of one desk, told from its first code to this morning."""

    def __init__(
        self, of: Deployment, cast: Cast, clock: Led, jobs: Mapping[str, Handler],
        maker: InventedMaker,
    ) -> None:  # fmt: skip
        self.of, self.cast, self.clock, self.jobs = of, cast, clock, jobs
        self.maker = maker
        self.script = read_script()

    def tell(self, audited: bytes, *, progress: Progress = no_progress) -> None:
        """All of it. The clock is the real one afterwards."""
        self.clock.to(150)
        self.people()
        self.gallery()
        self.stated()
        self.measured(audited)
        courses: dict[str, Callable[[Mapping[str, Any]], object]] = {
            "lead-borne-out": self.lead_borne_out,
            "examiners-disagree": self.examiners_disagree,
            "nobody-found": self.nobody_found,
            "refused-by-law": self.refused_by_law,
            "declined": self.declined,
            "lead-somebody-else": self.lead_somebody_else,
            "asked-elsewhere": self.asked_elsewhere,
            "one-has-examined": self.one_has_examined,
            "approved": self.approved,
            "waits-for-approval": self.waits_for_approval,
            "waits-for-an-examiner": self.waits_for_an_examiner,
        }
        for number, case in enumerate(self.script.cases):
            self.clock.to(case["days"])
            purging.purge(self.of.desk, GALLERY, keys=self.of.keys)
            courses[case["course"]](case)
            if case["course"] == "asked-elsewhere":
                self.suspended()
                self.known_answer()
            progress("simulating cases", number + 1, len(self.script.cases))
        self.clock.let_go()

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
        data = portrait(Invented(case["who"]), _PROBE_TAKE)
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
        sought = portrait(Invented(case["who"]), _ENROLLED_TAKE)
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

    def lead_borne_out(self, case: Mapping[str, Any]) -> None:
        """Evidence that does not come from the lead bears it out."""
        of, desk, rita = self.of, self.of.desk, self.cast["Rita"]
        lead = self.lead(case)
        self.clock.to(case["days"] - 4)
        leads.add_evidence(
            desk, rita.to(of, "lead.evidence"), lead,
            NewEvidence(EvidenceKind.FINGERPRINT, Relation.INDEPENDENT,
                        "a print on the cash box, taken before the search",
                        "laboratory report 77", (self.clock() - datetime.timedelta(days=5)).date(),
                        ()),
            keys=of.keys,
        )  # fmt: skip
        self.clock.to(case["days"] - 9)
        leads.give_outcome(
            desk, rita.to(of, "lead.outcome"), lead, leads.Outcome.BORNE_OUT,
            words="the print is the candidate's", keys=of.keys,
        )  # fmt: skip

    def lead_somebody_else(self, case: Mapping[str, Any]) -> None:
        """It was somebody else: an incident suspends what it concerns, until it is looked into."""
        of, desk, rita = self.of, self.of.desk, self.cast["Rita"]
        lead = self.lead(case)
        self.clock.to(case["days"] - 3)
        opened = leads.give_outcome(
            desk, rita.to(of, "lead.outcome"), lead, leads.Outcome.SOMEBODY_ELSE,
            words="the candidate was in hospital on that day", keys=of.keys,
        )  # fmt: skip
        if opened is None:
            raise InputError("the story's wrong lead opened no incident", where=case["number"])
        self.clock.to(case["days"] - 8)
        incidents.close_incident(
            desk, self.cast["Amir"].to(of, "incident.close"), opened, keys=of.keys,
            finding=incidents.Finding.CORRECTED,
            grounds="two examiners were trained again; the case was told to the prosecutor",
        )  # fmt: skip

    def examiners_disagree(self, case: Mapping[str, Any]) -> None:
        """No lead comes of it."""
        self.searched(case)
        self.examined("Emma", case, same=True)
        self.examined("Esi", case, same=False)

    def nobody_found(self, case: Mapping[str, Any]) -> None:
        """Somebody who is in no gallery; what is listed, if anything, is somebody else."""
        self.searched(case)
        self.clock.to(case["days"] - 0.5)

    def refused_by_law(self, case: Mapping[str, Any]) -> None:
        """The rules do not permit it, and that is recorded."""
        self.submitted(case)

    def declined(self, case: Mapping[str, Any]) -> None:
        """Permitted by the rules, and declined by the second person."""
        _, made = self.submitted(case)
        decline(
            self.of.desk, self.cast["Amir"].to(self.of, "request.refuse"), made.id,
            reason=Declined.OTHER_MEANS_FIRST,
            grounds="the laboratory's result on the cap is due on Friday; ask again after it",
        )  # fmt: skip

    def asked_elsewhere(self, case: Mapping[str, Any]) -> None:
        """Another agency is asked; and something comes that nobody asked for."""
        of, desk, rita = self.of, self.of.desk, self.cast["Rita"]
        case_id, _ = self.submitted(case)
        asked, decision = outside.ask(
            desk, rita.to(of, "outside.ask"), case_id, whom="State Police of Nowhere",
            runner="state-police", what="one search with the probe of this case",
            means=of.outside,
        )  # fmt: skip
        if decision.permitted:
            outside.approve_ask(
                desk, self.cast["Amir"].to(of, "outside.approve"), asked, means=of.outside
            )
        outside.receive(
            desk, rita.to(of, "outside.receive"), case_id,
            outside.Incoming(
                None, "private-network",
                outside.Source("a network of shops that nobody asked"),
                b"A list that came by mail. Nobody asked for it, so nobody reads it.",
            ),
            means=of.outside,
        )  # fmt: skip

    def one_has_examined(self, case: Mapping[str, Any]) -> None:
        """A second examiner is waited for."""
        self.searched(case)
        self.examined("Esi", case, same=True)

    def waits_for_approval(self, case: Mapping[str, Any]) -> None:
        """A request that a second person has to look at."""
        self.submitted(case)

    def waits_for_an_examiner(self, case: Mapping[str, Any]) -> None:
        """A probe of which nobody has said yet whether it is good enough."""
        self.probe(case, self.opened(case), judged=False)

    def suspended(self) -> None:
        """For two days nothing was possible."""
        of, desk = self.of, self.of.desk
        self.clock.to(35)
        asked = standing.ask(
            desk, self.cast["Ada"].to(of, "desk.stand-down"), standing.Direction.DOWN,
            reason=standing.Reason.REVIEW, grounds="the board looks at the wrong lead",
        )  # fmt: skip
        standing.confirm(
            desk, self.cast["Asa"].to(of, "desk.confirm-stand-down"), asked,
            standing.Direction.DOWN,
        )  # fmt: skip
        self.clock.to(33)
        asked = standing.ask(
            desk, self.cast["Adil"].to(of, "desk.take-up"), standing.Direction.UP,
            reason=standing.Reason.RESOLVED, grounds="the board has looked at it",
        )  # fmt: skip
        standing.confirm(
            desk, self.cast["Amir"].to(of, "desk.confirm-take-up"), asked, standing.Direction.UP
        )

    def known_answer(self) -> None:
        """A list whose truth is known is mixed in among the others from here on."""
        of = self.of
        self.clock.to(20)
        knownanswers.register(
            of.desk, self.cast["Ulla"].to(of, "known-answer.register"),
            knownanswers.KnownCase(
                portrait(Invented(700), 1),
                tuple(portrait(Invented(number), 0) for number in (700, 702, 704, 706)), 0,
                "drawn for this demonstration",
            ),
            keys=of.keys,
        )  # fmt: skip
