"""The way of a case through the Python client alone: from an empty desk to a lead and after."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

import deskgalleries
from authenticator import ORIGIN
from casework import DETAILS, KEYS, PROVENANCE, audit, base
from reviewkit import notes
from starlette.testclient import TestClient
from webkit import Engine, Site, Visitor

from countenance.desk import imports, purging
from countenance.desk.checklist import Question
from countenance.desk.facts import REQUESTER
from countenance.desk.jobs import Worker
from countenance.desk.roles import Role
from countenance.web.client import Client
from countenance.web.client.parts.accounts import Administrator, Invitee, NewTraining
from countenance.web.client.parts.cases import NewCase
from countenance.web.client.parts.galleries import Folder, FolderSeen, GalleryToMake
from countenance.web.client.parts.incidents import NewIncident
from countenance.web.client.parts.known_answers import NewKnownAnswer
from countenance.web.client.parts.leads import Answered, Checklist, EvidenceToAdd
from countenance.web.client.parts.others import NewAsk
from countenance.web.client.parts.probes import ProbeJudgement, ProbeTaken
from countenance.web.client.parts.requests import Approve, Approved, NewRequest, Paper, Search
from countenance.web.client.parts.reviews import CandidateFinding, Findings, Notes
from countenance.web.client.parts.settings import NewSetting, SettingApproval
from countenance.web.client.parts.statements import NewStatement
from countenance.web.client.parts.subject_requests import Person


def client(visitor: Visitor) -> Client:
    """A client in the hands of somebody who has a device already."""
    made = Client(ORIGIN, visitor.device, http=TestClient(visitor.app))
    if visitor.person is not None:
        made.sign_in()
    return made


@dataclass
class Way:
    """Everybody at one site, each with a client, and the ids of what they made."""

    site: Site
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        site = self.site
        self.visitors = {
            Role.REQUESTER: site.joined("Rita Ray", Role.REQUESTER),
            Role.APPROVER: site.joined("Abe Roe", Role.APPROVER),
            Role.EXAMINER: site.joined("Eve Ent", Role.EXAMINER),
            Role.AUDITOR: site.joined("Ulf Uhl", Role.AUDITOR, train=False),
            Role.ADMINISTRATOR: site.administrator(),
        }
        self.rita, self.abe, self.eve, self.ulf, self.ada = (
            client(visitor) for visitor in self.visitors.values()
        )
        self.fay = client(site.joined("Fay Fox", Role.EXAMINER))

    def prepared(self) -> Way:
        """A gallery with images, an accepted audit, a threshold in force."""
        self.ada.make_a_gallery(
            GalleryToMake(
                code="booking", holder="own-agency", sources=("booking-photos",),
                basis="MCL 28.243, photographs of booked people", purpose="leads in felony cases",
                keep_days=3650, notice=True,
            )
        )  # fmt: skip
        root = self.site.folder / "in"
        deskgalleries.folder(root, [{"subject": f"s{n}"} for n in range(40)])
        plan = self.ada.plan_import("booking", Folder(folder="batch"))
        assert plan.admitted == plan.rows == 40
        self.ada.begin_an_import("booking", FolderSeen(folder="batch", plan=plan.digest))
        worker = Worker(self.site.desk, {imports.IMPORT: imports.handler(KEYS, root, Engine())})
        assert worker.run_once()
        purging.purge(self.site.desk, "booking", keys=KEYS)
        self.site.sync()
        self.ids["audit"] = self.ulf.accept_an_audit(
            audit().to_json().encode(), operational=True
        ).id  # fmt: skip
        made = self.ada.propose_a_setting(
            NewSetting(threshold="0.363", list_length=20, reason="as its documentation has it")
        )
        (setting,) = (one for one in self.abe.list_settings() if one.id == made.id)
        self.abe.approve_a_setting(made.id, SettingApproval(digest=setting.digest))
        self.ids["setting"] = made.id
        self.ids["gallery"] = "booking"
        self.ids["entry"] = self.ada.list_entries("booking")[0].id
        return self

    def asked(self) -> Way:
        """A case with a suitable probe and a request that waits."""
        rita, eve = self.rita, self.eve
        case = rita.open_a_case(
            NewCase(
                number="24-1234", purpose=DETAILS.purpose, offence_kinds=DETAILS.offence_kinds,
                offence_section=DETAILS.offence_section, narrative=DETAILS.narrative,
            )
        ).id  # fmt: skip
        self.picture = (self.site.folder / "in" / "batch" / "30.png").read_bytes()
        taken = rita.upload_a_probe(
            case, self.picture, sort="cctv-frame", shows=PROVENANCE.shows,
            known_by=PROVENANCE.known_by.value, captured_on=PROVENANCE.captured_on,
            explanation=PROVENANCE.explanation,
        )  # fmt: skip
        assert isinstance(taken, ProbeTaken)
        (waiting,) = eve.list_waiting_probes()
        assert eve.show_probe_to_judge(taken.probe) == self.picture
        eve.judge_a_probe(
            taken.probe,
            ProbeJudgement(image=waiting.image, suitable=True, reason="clear-enough"),
        )
        self.ids |= {"case": case, "probe": taken.probe, "sha256": waiting.image}
        self.form = NewRequest(
            case=case, probe=taken.probe, gallery="booking", engine=rita.show_status().engine,
            stated=_stated(), documents=_papers(), elsewhere=(),
        )  # fmt: skip
        seen = rita.preview_request(self.form)
        assert seen.may_be_submitted
        assert seen.needs_approval
        made = rita.submit_request(self.form)
        assert made.state == "pending", made.decision
        self.ids |= {"request": made.id, "digest": made.digest}
        return self

    def searched(self) -> Way:
        """The request approved by a signature over it, and its list open."""
        approved = self.abe.approve_request(
            self.ids["request"], Approve(digest=self.ids["digest"])
        )
        assert isinstance(approved, Approved)
        found = self.rita.make_search(self.ids["request"])
        assert isinstance(found, Search)
        assert found.state == "open"
        assert found.candidates
        self.ids["search"] = found.id
        return self

    def examined(self, examiner: Client) -> str:
        """One examination, which picks the candidate that is the probe's picture."""
        task = examiner.take_review().task
        assert task
        assert examiner.show_review_probe(task) == self.picture
        said = notes().to_json()
        examiner.note_review_probe(task, Notes(visible=said["visible"], words=said["words"]))
        findings = {}
        for label in examiner.list_review_candidates(task):
            same = examiner.show_review_candidate(task, label) == self.picture
            findings[label] = CandidateFinding(
                features=dict.fromkeys(said["visible"], "agree" if same else "differ"),
                conclusion="features-support-one-person" if same
                else "features-support-different-people",
                grounds="what is said of ears, nose and lines above",
            )  # fmt: skip
            self.ids["label"] = label
        examiner.conclude_review(task, Findings(findings=findings))
        self.ids["task"] = task
        return task

    def lead(self) -> str:
        """Both examinations, and the lead given out."""
        for examiner in (self.eve, self.fay):
            self.examined(examiner)
        rita = self.rita
        (mine,) = rita.list_my_leads()
        answered = Answered(answer="not-known", words="asked the employer, no answer yet")
        rita.answer_lead_checklist(
            mine.id, Checklist(answers={each.value: answered for each in Question})
        )
        self.abe.supervise_lead(mine.id)
        assert rita.issue_lead(mine.id).permitted
        rita.add_lead_evidence(
            mine.id,
            EvidenceToAdd(
                kind="fingerprint", relation="independent", what="a print on the counter",
                source="the laboratory's report 12", obtained_on=datetime.date(2026, 11, 5),
            ),
        )  # fmt: skip
        self.ids["lead"] = mine.id
        return mine.id

    def furnished(self) -> Way:
        """One of everything else that has an id."""
        case, ids, ada = self.ids["case"], self.ids, self.ada
        gus = self.site.joined("Gus Gil", Role.REQUESTER)
        me = client(gus).read_me()
        until = self.site.clock() + datetime.timedelta(days=30)
        ids["account"], ids["passkey"] = me.id, me.passkeys[0].id
        ids["number"] = str(
            ada.record_account_training(
                me.id, NewTraining(kind="requester", until=until, evidence="course 12 of 2026")
            ).number
        )
        ada.invite_somebody(Invitee(name="Ivy Inn", roles=("examiner",)))
        ids["invitation"] = ada.list_invitations()[0].id
        ids["joint-requests/request"] = ada.ask_for_invitation(
            Administrator(name="Bob Bee", grounds="a second administrator")
        ).id
        ids["asked"] = self.rita.ask_others(
            case, NewAsk(whom="the state police", runner="state-police", what="a search of theirs")
        ).id
        taken = self.rita.receive_result(
            case, b"what they say", runner="state-police", source_who="the state police"
        )
        ids["result"] = taken.id
        ids["incident"] = self.rita.open_an_incident(
            NewIncident(cause="complaint", grounds="somebody complained of a letter")
        ).id
        ids["known"] = self.ulf.register_known_answer(
            NewKnownAnswer(
                probe=self.picture, pictures=(self.picture,), answer=0, consent="file 12, page 3"
            )
        ).id
        Client(ORIGIN, http=TestClient(self.site.app)).ask_what_is_held(
            Person(name="Per Son", contact="1 Main Street")
        )
        ids["subject-requests/request"] = ada.find_subject_requests()[0].id
        ids["digest"] = self.rita.show_figures().engines[0].audit
        ids["statement"] = ada.state_of_gallery(
            "booking",
            NewStatement(
                question="reviewed", holds=True, until=until, reason="looked through it in May"
            ),
        ).id
        ids["index"] = "3"
        return self


def _stated() -> dict[str, Any]:
    return {name: value for name, value in base().items() if name in REQUESTER}


def _papers() -> tuple[Paper, ...]:
    return tuple(
        Paper(kind=kind, reference="W-77", issued_by="Judge Roe",
              issued_on=datetime.date(2026, 11, 20))
        for kind in ("warrant", "court-order", "supervisor")
    )  # fmt: skip
