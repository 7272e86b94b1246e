"""One deployment of the desk, opened: every part that the pages, the API and the workers use.

What a deployment is *meant* to be stands in its configuration; this is what it became. Nothing
here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from countenance.desk.house import House
from countenance.desk.leads import LeadMeans
from countenance.desk.leadviews import Sources
from countenance.desk.outside import OutsideMeans
from countenance.desk.passkeys import RelyingParty
from countenance.desk.searching import Means
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Desk
from countenance.desk.wiring import AcceptedAudits, CasePictures, RequestFacts, case_of
from countenance.faces import Engine
from countenance.record import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """An opened deployment. Safe across threads.

    Attributes
    ----------
    name
        Of the agency, as the public page has it.
    desk, house, party
        The kernel, what a request is judged with, and for which site passkeys are made.
    engine
        The one engine that probes are enrolled with.
    log
        The public log.
    means
        What a search is made with.
    imports
        The folder whose subfolders can be imported into a gallery.
    contact
        Where a person can ask in other ways than on the public page.
    policy
        The policy by which an outsider checks the log's checkpoints, as text.
    page_key
        Signs what a page carries to its next request; of this deployment only.
    """

    name: str
    desk: Desk
    house: House
    party: RelyingParty
    engine: Engine
    log: Log
    means: Means
    imports: Path
    contact: str
    policy: str
    page_key: bytes = field(repr=False)

    @property
    def keys(self) -> Secrets:
        """What personal data is encrypted under."""
        return self.house.keys

    @property
    def pictures(self) -> CasePictures:
        """Pictures of searches, for examiners."""
        return CasePictures(self.house)

    @property
    def sources(self) -> Sources:
        """What a lead is shown from."""
        return Sources(self.keys, self.pictures, AcceptedAudits())

    @property
    def leads(self) -> LeadMeans:
        """What a lead is judged with."""
        return LeadMeans(
            self.keys, RequestFacts(self.house), self.house.decide, CasePictures(self.house)
        )

    @property
    def outside(self) -> OutsideMeans:
        """What asking others and receiving from them is judged with."""
        return OutsideMeans(self.keys, case_of(self.house, self.desk.now), self.house.decide)
