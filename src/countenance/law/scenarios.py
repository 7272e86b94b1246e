"""Scenarios: a request on a date, and what must come out. They are the packs' own tests.

One file a pack, written to be read by a lawyer::

    pack = "us/md/crim-proc-2-5"
    policy = ["scenario/law-alone"]        # grants everything, so that only the law speaks

    [base]                                 # what every scenario of the file begins from
    like = "search"                        # a request of scenarios/bases.toml
    at = 2025-03-01
    jurisdictions = ["us/md"]

    [[scenario]]
    title = "A theft is not on Maryland's list"
    story = "A camera filmed a man taking a bicycle."
    facts.offence.kinds = ["theft"]        # over those of the base
    [[scenario.expect]]
    decision = "deny"
    because = ["us/md/crim-proc-2-5#listed-offences"]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from countenance.law.conditions import NEVER
from countenance.law.decision import Decision, Outcome
from countenance.law.errors import ScenarioError, shown
from countenance.law.judging import decide, decide_many
from countenance.law.library import Library
from countenance.law.packs import Kind, Pack, Rule, load_pack
from countenance.law.request import Request, request_of

LAW_ALONE = "scenario/law-alone"
MAX_SCENARIO_BYTES = 1 << 20


class Expect(msgspec.Struct, forbid_unknown_fields=True, rename="kebab", frozen=True):
    """What must come out under a policy (the file's, if none is named).

    `because`: rules (or packs, where no single rule speaks) that must be among the reasons.
    `needs`: unknown facts it must ask for. `obligations`: duties (their `what`, or rule ids) that
    must attach; `no_obligations` must not. `warnings`: rules it must warn of. `packs`: what a pack
    alone says: permits, forbids, open or silent.
    """

    decision: Outcome
    policy: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    not_because: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    no_obligations: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    packs: dict[str, str] = {}


class _Request(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    like: str = ""
    at: Any = None
    jurisdictions: list[str] | None = None
    behalf_jurisdictions: list[str] | None = None
    facts: dict[str, Any] = {}
    unknown: list[str] = []


class _Scenario(_Request, rename="kebab", kw_only=True):
    title: str
    expect: list[Expect]
    story: str = ""
    source: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    scenario: list[_Scenario]
    pack: str = ""
    title: str = ""
    policy: tuple[str, ...] = (LAW_ALONE,)
    base: _Request = msgspec.field(default_factory=_Request)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One request and what must come of it. `pack` is the one it was written for, if any."""

    title: str
    story: str
    source: str
    file: str
    pack: str
    request: Request
    expects: tuple[Expect, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one expectation: no `faults` means it was met."""

    scenario: Scenario
    expect: Expect
    decision: Decision
    faults: tuple[str, ...]


def load_scenarios(folder: Path) -> list[Scenario]:
    """Every scenario of a folder. Raises ScenarioError.

    The requests to begin from are those of its ``bases.toml``, or ours where it has none.
    """
    own = folder / "bases.toml"
    bases = _bases(own if own.exists() else _folder() / "bases.toml")
    return [
        scenario
        for path in sorted(folder.rglob("*.toml"))
        if path.name not in ("bases.toml", "law-alone.toml")
        for scenario in _load(path, bases, path.relative_to(folder).with_suffix("").as_posix())
    ]


@cache
def bundled_scenarios() -> tuple[Scenario, ...]:
    """The scenarios that come with this version."""
    with resources.as_file(_folder()) as folder:
        return tuple(load_scenarios(folder))


@cache
def law_alone() -> Pack:
    """The policy, for scenarios only, that grants everything."""
    with resources.as_file(_folder()) as folder:
        return load_pack(folder / "law-alone.toml")


def run_scenarios(scenarios: Iterable[Scenario], library: Library) -> list[Result]:
    """Judge every scenario under every policy it names."""
    library = library.adding(law_alone())
    pairs = [(scenario, expect) for scenario in scenarios for expect in scenario.expects]
    found: dict[int, Decision] = {}
    for policy in {expect.policy for _, expect in pairs}:
        at = [n for n, (_, expect) in enumerate(pairs) if expect.policy == policy]
        decisions = decide_many([pairs[n][0].request for n in at], library=library, policy=policy)
        found.update(zip(at, decisions, strict=True))
    return [
        Result(scenario, expect, found[n], tuple(_faults(expect, found[n])))
        for n, (scenario, expect) in enumerate(pairs)
    ]


def undecided_rules(pack: Pack, scenarios: Sequence[Scenario], library: Library) -> list[Rule]:
    """The rules of a pack that decide no scenario: without them, all comes out the same.

    A rule that permits or forbids must change an outcome. One that only obliges or explains (a
    duty, a penalty, a ground that is unverified) can change none: it must be expected by a
    scenario that fails without it.
    """
    own = [scenario for scenario in scenarios if scenario.pack == pack.id]
    whole = run_scenarios(own, library)
    return [
        rule
        for rule in pack
        if not any(_decided_by(rule, pack, result, library) for result in _concerned(rule, whole))
    ]


def _concerned(rule: Rule, results: Iterable[Result]) -> Iterator[Result]:
    """Results that a rule's absence could change.

    A ground counts even where it does not hold (it may be the one that makes a pack a closed
    list); every other rule only where it was among the reasons or the duties.
    """
    for result in results:
        decision = result.decision
        said = {r.rule for r in decision.reasons} | {o.rule for o in decision.obligations}
        if rule.id in said or (
            rule.kind is Kind.PERMIT_IF and result.scenario.request.act in rule.acts
        ):
            yield result


def _decided_by(rule: Rule, pack: Pack, whole: Result, library: Library) -> bool:
    """Whether a result is another without the rule."""
    expect = whole.expect
    less = library.adding(law_alone(), without(pack, rule))
    decision = decide(whole.scenario.request, library=less, policy=expect.policy)
    if decision.outcome is not whole.decision.outcome:
        return True
    decides = rule.grants or rule.broken != NEVER
    return not decides and not whole.faults and any(True for _ in _faults(expect, decision))


def without(pack: Pack, rule: Rule) -> Pack:
    """The pack with one rule deleted."""
    rest = tuple(other for other in pack.rules if other.name != rule.name)
    return replace(pack, rules=rest, digest=f"{pack.digest} without {rule.name}")


def _faults(expect: Expect, decision: Decision) -> Iterable[str]:
    if decision.outcome is not expect.decision:
        why = "; ".join(
            f"{r.effect}: {r.rule or r.pack or r.says} {list(r.facts) or ''}"
            for r in decision.reasons
        )
        yield f"expected {expect.decision}, got {decision.outcome} ({why})"
    reasons = {reason.rule or reason.pack for reason in decision.reasons}
    duties = {name for duty in decision.obligations for name in (duty.what, duty.rule)}
    for kind, wanted, there in (
        ("reason", expect.because, reasons),
        ("need", expect.needs, {need.fact for need in decision.needs}),
        ("obligation", expect.obligations, duties),
        ("warning", expect.warnings, {warning.rule for warning in decision.warnings}),
    ):
        for name in wanted:
            if name not in there:
                yield f"expected the {kind} {name}, got {sorted(there)}"
    for kind, unwanted, found in (
        ("reason", expect.not_because, reasons),
        ("obligation", expect.no_obligations, duties),
    ):
        yield from (f"unexpected {kind} {name}" for name in unwanted if name in found)
    said = {use.id: use.says for use in decision.packs}
    for name, what in expect.packs.items():
        if said.get(name) != what:
            yield f"expected {name} to say {what}, got {said.get(name, 'nothing')}"


def _folder() -> Any:
    return resources.files("countenance.law").joinpath("scenarios")


def _bases(path: Path) -> dict[str, dict[str, Any]]:
    return _read(path, dict[str, dict[str, Any]])


T = TypeVar("T")


def _read(path: Path, kind: type[T]) -> T:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SCENARIO_BYTES + 1)
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > MAX_SCENARIO_BYTES:
        raise ScenarioError("too long for scenarios", where=str(path))
    try:
        return msgspec.toml.decode(data, type=kind)
    except (ValueError, RecursionError) as error:
        raise ScenarioError(str(error)[:300], where=str(path)) from error


def _load(path: Path, bases: Mapping[str, Any], name: str) -> list[Scenario]:
    file = _read(path, _File)
    found = []
    for entry in file.scenario:
        where = f"{path.name}, scenario {shown(entry.title)}"
        if not entry.expect:
            raise ScenarioError("it expects nothing", where=where, expected="[[scenario.expect]]")
        expects = tuple(
            msgspec.structs.replace(e, policy=e.policy or file.policy) for e in entry.expect
        )
        request = _request(bases, file.base, entry, where)
        found.append(
            Scenario(entry.title, entry.story, entry.source, name, file.pack, request, expects)
        )
    return found


def _request(
    bases: Mapping[str, dict[str, Any]], base: _Request, own: _Request, where: str
) -> Request:
    layers = (base, own)
    like = next((layer.like for layer in reversed(layers) if layer.like), "")
    if like and like not in bases:
        raise ScenarioError(f"there is no base `{like}`", where=where, expected=", ".join(bases))
    whole = {**bases[like]} if like else {}
    facts: dict[str, Any] = dict(whole.pop("facts", {}))
    for layer in layers:
        for key in ("at", "jurisdictions", "behalf_jurisdictions"):
            if (value := getattr(layer, key)) is not None:
                whole[key.replace("_", "-")] = value
        facts = _merged(facts, layer.facts)
    request = request_of({**whole, "facts": facts}, where=where)
    unknown = [fact for layer in layers for fact in layer.unknown]
    for fact in unknown:
        if fact not in request.words:
            raise ScenarioError(
                f"there is no fact {shown(fact)} to be unknown", where=where,
                do=request.words.near(fact),
            )  # fmt: skip
    return request.without(*unknown)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(under)
    for key, value in over.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = _merged(old, value)
        else:
            result[key] = value
    return result
