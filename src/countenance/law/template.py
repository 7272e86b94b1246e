"""A pack to begin from, with a comment on every line that has to be filled in."""

from __future__ import annotations

import re

from countenance.law.errors import PackError, shown

_TEMPLATE = """\
# A rule pack. Lines that begin with # are comments. Check it with: countenance law check FOLDER
# where FOLDER holds this file at its place, {pack_id}.toml

[pack]
id = "{pack_id}"            # its place in the folder of packs
name = "The short name that people use"
jurisdiction = "{place}"    # whose law it is
level = "state"             # union, country, state, county, city, court, agency, vendor
instrument = "The act, ordinance, judgment, directive or contract, in full"
citation = "Code § 00-0-000"
status = "in-force"         # in-force, sunset, expired, bill, policy, contract
from = 2025-01-01           # its first day
# to = 2027-07-01           # the first day on which it no longer binds
version = "{day}"
summary = "One or two plain sentences: what it does."
# Whom it binds. Leave the line out where it binds everybody.
applies = {{ agency.kind = ["local-police", "sheriff", "state-police"] }}

[pack.checked]
tag = "U"                   # V: you read the text. V2: somebody's page says so. U: from memory.
source = "Where you read it: a page, a book, a document"
on = {day}                  # the day you read it
by = "your name"

# What is permitted, and only if. Two such rules mean: one or the other.
[[rule]]
id = "suspect-of-a-felony"
kind = "permit-if"
says = "A search may be made to identify the suspect of a felony."
cite = "Code § 00-0-001"
acts = ["search", "ask"]    # countenance law facts act
when = {{ use.purpose = "identify-suspect", offence.kinds = ["felony"], use.mode = "still" }}

# What is forbidden, whatever else permits it.
[[rule]]
id = "no-sketches"
kind = "prohibit"
says = "A sketch is not searched with."
cite = "Code § 00-0-002"
acts = ["search", "ask"]
when = {{ probe.kind = ["sketch", "composite"] }}

# What must be so (`must`), and what has to be done afterwards (`duty`).
[[rule]]
id = "two-examiners"
kind = "require"
of = "review"               # record, review, training, test, disclosure, report, notice,
                            # authority, evidence
says = "Two trained people examine the candidates, each alone, before anybody acts on them."
cite = "Code § 00-0-003"
acts = ["rely"]
must = {{ review.examiners.at-least = 2, review.agree = true }}

[[rule]]
id = "annual-report"
kind = "require"
of = "report"
says = "The agency publishes the number of its searches by February 1."
cite = "Code § 00-0-004"
acts = ["search", "ask"]
duty = {{ what = "annual-report", to = "the public", yearly = "02-01" }}
"""


_ID = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*(?:/[a-z0-9]+(?:[-.][a-z0-9]+)*)+")


def pack_template(pack_id: str, *, day: str) -> str:
    """The text of a pack to begin from, under its id; it can be read as it is.

    Raises PackError where the id is none.
    """
    if len(pack_id) > 120 or not _ID.fullmatch(pack_id):
        raise PackError(
            f"{shown(pack_id)} is no id of a pack", where="ID",
            expected="a place and a name, in small letters: us/xx/facial-recognition-act",
        )  # fmt: skip
    return _TEMPLATE.format(pack_id=pack_id, place=pack_id.rpartition("/")[0], day=day)
