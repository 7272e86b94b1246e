"""What may be in a gallery: sources, dispositions and dates (failures F13 and F22).

One function says why an image may not be there; an import asks it of every row before anything
is read, and the purge asks it again every day.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SOURCES = frozenset({
    "booking-photos", "driver-licences", "identity-cards", "passports", "visa-photos",
    "missing-persons", "wanted-persons", "corrections", "employees", "customers-with-consent",
    "consented", "synthetic",
})  # fmt: skip
"""Sources an agency can have on its own record, in the law's words (``gallery.sources``)."""

CONSENT = frozenset({"customers-with-consent", "consented", "employees"})
"""Sources that stand on the person's consent, so each image names it."""

REFUSED_SOURCES: Mapping[str, str] = MappingProxyType({
    "scraped-web": "scraped images have no lawful source",
    "social-media": "images taken from social media have no lawful source",
    "data-broker": "bought images have no lawful source",
    "live-feed": "images from a live feed were given by nobody",
    "private-watch-list": "a private list has no lawful source",
    "protest-images": "images of protected activity are never searched",
    "minors": "images of minors are not kept",
    "seized-media": "images seized in one case are not a gallery for others",
    "crime-scene": "images from a scene are probes, not a gallery",
    "people-of-possible-interest": "possible interest is no legal basis",
    "acquitted-or-dismissed": "people who were acquitted are not kept",
    "uncharged": "people who were not charged are not kept",
    "expunged": "expunged records are not kept",
})  # fmt: skip
"""Sources that are refused, and why."""

KEPT_DISPOSITIONS = frozenset({
    "convicted", "charged", "pending", "wanted", "missing", "licensed", "documented", "consented",
    "employed", "synthetic",
})  # fmt: skip
"""What a record's state may be while its image is kept."""

PURGED_DISPOSITIONS = frozenset({
    "dismissed", "expunged", "acquitted", "not-charged", "sealed", "withdrawn", "found",
    "deceased", "mistaken", "minor",
})  # fmt: skip
"""States on which the image goes, at once."""

ADULT_YEARS = 18


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said of one image."""

    source: str
    basis: str
    captured_on: datetime.date | None
    expires_on: datetime.date | None
    disposition: str
    born_on: datetime.date | None


def why_not(
    facts: Facts, *, sources: frozenset[str], keep_days: int, today: datetime.date
) -> tuple[str, str] | None:
    """A code and a sentence why an image may not be in a gallery; None where it may.

    Parameters
    ----------
    facts
        What is said of the image.
    sources, keep_days
        The gallery's own: what it was made for, and for how long from capture.
    today
        The day on which it is asked.
    """
    if facts.source in REFUSED_SOURCES:
        return "source-refused", REFUSED_SOURCES[facts.source]
    if facts.source not in sources:
        return "source-not-of-gallery", "the gallery was not made for images from this source"
    if not facts.basis:
        need = "consent" if facts.source in CONSENT else "legal basis"
        return "basis-missing", f"no {need} is named"
    if facts.captured_on is None:
        return "capture-date-missing", "nobody says when it was taken"
    if facts.captured_on > today:
        return "capture-date-future", "it is said to be taken in the future"
    if facts.expires_on is None:
        return "expiry-missing", "nobody says until when it may be kept"
    if facts.expires_on <= today:
        return "expired", "it should be gone already"
    if facts.expires_on > facts.captured_on + datetime.timedelta(days=keep_days):
        return "expiry-too-late", f"the gallery keeps images for {keep_days:,} days at most"
    if facts.disposition in PURGED_DISPOSITIONS:
        return "disposition", f"a record that is {facts.disposition} is not kept"
    if facts.disposition not in KEPT_DISPOSITIONS:
        return "disposition-missing", "what became of the record is not stated"
    if facts.born_on is None:
        return "age-unknown", "nobody says whether the person was of age"
    if is_minor(facts.born_on, facts.captured_on):
        return "minor", "the person was a minor when it was taken"
    return None


def is_minor(born_on: datetime.date, on: datetime.date) -> bool:
    """Whether a person was younger than 18 on a day. One born on 29 February is 18 on 1 March."""
    years = on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
    return years < ADULT_YEARS
