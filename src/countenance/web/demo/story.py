"""Five months at an invented desk: everything a page can show, done by invented people in order.

Each step is the call that a page makes, by an actor whose (simulated) passkey was asked; the clock
is the only thing that is led. A search here is permitted, recorded and sealed as any other.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from countenance.core import InputError, Progress, no_progress
from countenance.desk import (
    incidents,
    knownanswers,
    leads,
    outside,
    purging,
    standing,
)
from countenance.desk.approvals import Declined, decline
from countenance.desk.evidence import EvidenceKind, NewEvidence, Relation
from countenance.web.demo.drawings import Invented, portrait
from countenance.web.demo.scenery import (
    GALLERY,
)
from countenance.web.demo.steps import Steps


class Story(Steps):
    """The story of one desk, told from its first code to this morning."""

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
