"""What is done for the house: somebody joins, images come and go, a backup is made."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faultpeople import AwayError, Caller
from faultways import Steps, Way

from countenance.desk.backup import BACKUP, read_backup
from countenance.desk.clock import system_clock
from countenance.desk.configuration import read_configuration
from countenance.desk.errors import DeskError
from countenance.desk.jobs import OPEN, JobState, enqueue, progress
from countenance.desk.purging import PURGE
from countenance.desk.store import Store
from countenance.web.demo.device import SimulatedDevice
from countenance.web.demo.drawings import Invented, portrait

_COLUMNS = "path,subject,source,basis,captured,expires,disposition,born,group.studio"
_BOOKING = "/galleries/booking"
_LONGEST_S = 60


@dataclass
class HouseWay(Way):
    """Somebody joins; two people come into the gallery, one is erased; a purge; a backup."""

    first: int = 10_000
    joining: Caller | None = None
    code: str = ""

    def steps(self) -> Steps:
        return [
            ("invited", self.invite), ("joined", self.join), ("imported", self.bring),
            ("erased", self.erase), ("purged", self.purge), ("backed up", self.back_up),
        ]  # fmt: skip

    def invite(self) -> bool:
        """Where the code was not shown, its invitation is open: it is withdrawn and made again."""
        ada = self.people["Ada"]
        fields = {"name": f"Ivy {self.number}", "roles": "auditor"}
        shown = ada.post("/accounts/invite", fields, confirm="account.invite")
        if "An invitation under this name is open" in shown.text:
            lost = self._found(
                r'action="(/accounts/invitations/[0-9a-f]{32}/withdraw)"',
                ada.get("/accounts").text,
            )
            ada.post(lost, confirm="account.invite")
            shown = ada.post("/accounts/invite", fields, confirm="account.invite")
        self.code = self._found(r'<p class="code">([^<]+)</p>', shown.text)
        assert self.code, shown.text
        self.acknowledged["account-invited"] += 1
        return True

    def join(self) -> bool:
        """With a code that a killed service took and did not say so, one has joined, or may."""
        before = self.joining
        if before is not None and before.ceremony("sign-in").status_code == 200:
            before.sign_in()
            return self._joined()
        self.joining = Caller(self.people, SimulatedDevice(self.people.origin))
        done = self.joining.join(self.code)
        assert done.status_code == 200, done.text
        self.joining.sign_in()
        return self._joined()

    def _joined(self) -> bool:
        self.acknowledged["account-joined"] += 1
        return True

    def bring(self) -> bool:
        """An import that is begun once, and comes to its end by itself."""
        ada, name = self.people["Ada"], f"batch-{self.number}"
        self._write(name)
        place = ""
        links = re.findall(rf'href="({_BOOKING}/imports/[0-9a-f]{{32}})"', ada.get(_BOOKING).text)
        for each in set(links):
            if f"<dd>{name}</dd>" in ada.get(each).text:
                place = each
        if not place:
            page = ada.get(f"{_BOOKING}/import?folder={name}").text
            plan = self._found(r'name="plan" value="([0-9a-f]{64})"', page)
            assert plan, page
            begun = ada.post(f"{_BOOKING}/import", {"folder": name, "plan": plan},
                             confirm="gallery.import")  # fmt: skip
            assert begun.status_code == 303, begun.text
            place = begun.headers["location"].partition("?")[0]
        ends = time.monotonic() + _LONGEST_S
        while "images came in" not in (page := ada.get(f"{place}?still=yes").text):
            assert "It failed" not in page, page
            assert time.monotonic() < ends, page
            time.sleep(0.1)
        assert "2 images came in" in page
        self.acknowledged["gallery-import-begun"] += 1
        self.acknowledged["gallery-import-ended"] += 1
        return True

    def _write(self, name: str) -> None:
        folder = self.people.folder / "imports" / name
        if (folder / "manifest.csv").exists():
            return
        folder.mkdir(exist_ok=True)
        lines = [_COLUMNS]
        for each in self._two():
            (folder / f"{each.number}.png").write_bytes(portrait(each, 0))
            lines.append(f"{each.number}.png,{each.subject},booking-photos,booking {each.number},"
                         f"2024-05-01,2034-05-01,convicted,1980-02-03,{each.group}")  # fmt: skip
        (folder / "manifest.csv").write_text("\n".join(lines) + "\n")

    def _two(self) -> tuple[Invented, Invented]:
        number = self.first + 2 * int(self.number.rpartition("-")[2])
        return Invented(number), Invented(number + 1)

    def erase(self) -> bool:
        """The answer is the same whether they were there: so it can be asked for again."""
        done = self.people["Ada"].post(
            f"{_BOOKING}/erase",
            {"subject": self._two()[0].subject, "grounds": "an order of the court"},
            confirm="gallery.erase-person",
        )  # fmt: skip
        assert done.status_code == 303, done.text
        self.acknowledged["gallery-purged"] += 1
        return True

    def purge(self) -> bool:
        self._job(PURGE, {"gallery": "booking"})
        self.acknowledged["gallery-purged"] += 1
        return True

    def back_up(self) -> bool:
        target = self.people.folder.with_name(f"backup-{self.number}")
        self._job(BACKUP, {"target": str(target)})
        read_backup(target)
        return True

    def _job(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Ask for a job once, as the operator's command does, and see it done."""
        found = read_configuration(self.people.folder)
        try:
            with contextlib.closing(Store.open(found.database_url)) as store:
                job = store.write(
                    lambda db: enqueue(db, kind, payload, now=system_clock(),
                                       key=f"{kind} {self.number}")
                )  # fmt: skip
                ends = time.monotonic() + _LONGEST_S
                while True:
                    self.people["Ada"].send("GET", "/healthz")  # GoneError where nobody works
                    with store.reading() as db:
                        told = progress(db, job)
                    assert told is not None
                    if told.state not in OPEN:
                        assert told.state == JobState.DONE, told
                        return
                    assert time.monotonic() < ends, told
                    time.sleep(0.05)
        except DeskError as error:
            raise AwayError(error.what) from error
