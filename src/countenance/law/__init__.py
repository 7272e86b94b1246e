"""A request in, a decision out: rule packs as data, the policy engine, scenarios.

What lives here: the packs (`bundled`, `load_library`), each one instrument of one place with its
rules, citations and how far they were checked; requests (`load_request`), of which every fact
that is not stated is unknown; decisions (`decide`) with their reasons, needs and obligations,
made by Cedar; records that let a decision be made again (`keep_record`, `recheck`); scenarios,
which are the packs' own tests; and what helps to write, compare and question packs (`check`,
`difference`, `matrix`, `what_if`). It knows nothing of faces or of the record's log. Start with
`judging`, then docs/law.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from countenance.law.cedar import cedar_schema, compile_grant, compile_pack, validate
    from countenance.law.checking import Finding, check, check_scenarios
    from countenance.law.comparing import COLUMNS, Row, matrix
    from countenance.law.decision import (
        Caveat,
        Decision,
        Effect,
        Need,
        Obligation,
        Outcome,
        PackUse,
        Reason,
    )
    from countenance.law.diff import Difference, difference
    from countenance.law.errors import PackError, RequestError, ScenarioError
    from countenance.law.explaining import explain, explain_ways
    from countenance.law.judging import decide, decide_many
    from countenance.law.library import MODEL, Library, bundled, load_library
    from countenance.law.packs import load_pack, read_pack
    from countenance.law.pages import matrix_page, pack_page
    from countenance.law.records import (
        DecisionRecord,
        PackStore,
        keep_record,
        make_record,
        read_record,
        recheck,
        recheck_record,
    )
    from countenance.law.request import Request, load_request, request_of
    from countenance.law.rules import Pack, Rule, Tag, Window
    from countenance.law.scenarios import (
        Expect,
        Result,
        Scenario,
        bundled_scenarios,
        load_scenarios,
        run_scenarios,
        undecided_rules,
    )
    from countenance.law.schema import schemas
    from countenance.law.template import pack_template
    from countenance.law.vocabulary import Fact, Vocabulary, bundled_vocabulary, read_vocabulary
    from countenance.law.whatif import WhatIf, what_if
    from countenance.law.workers import decide_in_processes

# No module has the name of anything exported: importing it would put it in that name's place.
_HOMES = {
    "cedar": ("cedar_schema", "compile_grant", "compile_pack", "validate"),
    "checking": ("Finding", "check", "check_scenarios"),
    "comparing": ("COLUMNS", "Row", "matrix"),
    "decision": (
        "Caveat",
        "Decision",
        "Effect",
        "Need",
        "Obligation",
        "Outcome",
        "PackUse",
        "Reason",
    ),
    "diff": ("Difference", "difference"),
    "errors": ("PackError", "RequestError", "ScenarioError"),
    "explaining": ("explain", "explain_ways"),
    "judging": ("decide", "decide_many"),
    "library": ("MODEL", "Library", "bundled", "load_library"),
    "packs": ("load_pack", "read_pack"),
    "pages": ("matrix_page", "pack_page"),
    "records": (
        "DecisionRecord",
        "PackStore",
        "keep_record",
        "make_record",
        "read_record",
        "recheck",
        "recheck_record",
    ),
    "request": ("Request", "load_request", "request_of"),
    "rules": ("Pack", "Rule", "Tag", "Window"),
    "scenarios": (
        "Expect",
        "Result",
        "Scenario",
        "bundled_scenarios",
        "load_scenarios",
        "run_scenarios",
        "undecided_rules",
    ),
    "schema": ("schemas",),
    "template": ("pack_template",),
    "vocabulary": ("Fact", "Vocabulary", "bundled_vocabulary", "read_vocabulary"),
    "whatif": ("WhatIf", "what_if"),
    "workers": ("decide_in_processes",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "COLUMNS",
    "MODEL",
    "Caveat",
    "Decision",
    "DecisionRecord",
    "Difference",
    "Effect",
    "Expect",
    "Fact",
    "Finding",
    "Library",
    "Need",
    "Obligation",
    "Outcome",
    "Pack",
    "PackError",
    "PackStore",
    "PackUse",
    "Reason",
    "Request",
    "RequestError",
    "Result",
    "Row",
    "Rule",
    "Scenario",
    "ScenarioError",
    "Tag",
    "Vocabulary",
    "WhatIf",
    "Window",
    "bundled",
    "bundled_scenarios",
    "bundled_vocabulary",
    "cedar_schema",
    "check",
    "check_scenarios",
    "compile_grant",
    "compile_pack",
    "decide",
    "decide_in_processes",
    "decide_many",
    "difference",
    "explain",
    "explain_ways",
    "keep_record",
    "load_library",
    "load_pack",
    "load_request",
    "load_scenarios",
    "make_record",
    "matrix",
    "matrix_page",
    "pack_page",
    "pack_template",
    "read_pack",
    "read_record",
    "read_vocabulary",
    "recheck",
    "recheck_record",
    "request_of",
    "run_scenarios",
    "schemas",
    "undecided_rules",
    "validate",
    "what_if",
]


def __getattr__(name: str) -> Any:
    """Import a name's module when the name is first used, so that ``--help`` stays quick."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"countenance.law.{_MODULE_OF[name]}"), name)
