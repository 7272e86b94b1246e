"""The decision on a request: Cedar decides, the packs explain.

Default deny. Permitted is only what every policy pack grants, what no governing pack forbids, and
what no unknown fact leaves open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from countenance.law.conditions import Facts
from countenance.law.decision import Decision, Effect, Reason
from countenance.law.errors import RequestError, shown
from countenance.law.library import MODEL, Library, bundled
from countenance.law.reasons import make_decision, panel, unread_packs
from countenance.law.request import Request
from countenance.law.rules import AS_OF, Pack, day_number

HOUSE = "Countenance, default deny: docs/law.md"


def decide(
    request: Request, *, library: Library | None = None, policy: Sequence[str] = ()
) -> Decision:
    """Judge a request.

    Parameters
    ----------
    request
        What is asked. Its time says as of which day the rules are read.
    library
        The packs at hand; those that come with this version, if not given.
    policy
        Ids of the packs whose permission it takes, all of them: the deployment's own policy, or a
        statute that the deployment applies as it stands. The strict `model` where none is named.
        One that only restricts (a bill to keep as if it were law) need not grant, beside others.

    Raises
    ------
    RequestError
        Where `policy` names a pack that is not at hand.
    """
    return decide_many([request], library=library, policy=policy)[0]


def decide_many(
    requests: Iterable[Request], *, library: Library | None = None, policy: Sequence[str] = ()
) -> list[Decision]:
    """Judge many requests, in their order; those under the same packs share one evaluation.

    Each decision is the one that `decide` makes. Raises RequestError as `decide` does.
    """
    library = bundled() if library is None else library
    policy = effective_policy(policy, library)
    decisions: dict[int, Decision] = {}
    groups: dict[tuple[tuple[Pack, ...], str], list[tuple[int, _Matter]]] = {}
    for n, request in enumerate(requests):
        matter = _Matter.of(request, library, policy)
        act = matter.request.act
        if act is None or matter.request.at is None:
            decisions[n] = _unjudged(matter, policy, library)
        else:
            groups.setdefault((matter.packs, act), []).append((n, matter))
    for (packs, act), group in groups.items():
        judge = panel(packs, grantors(packs, policy), policy, act)
        answers = judge.evaluator.ask([matter.facts for _, matter in group])
        for (n, matter), answer in zip(group, answers, strict=True):
            decisions[n] = judge.decide(matter.request, matter.facts, answer, matter.incomplete)
    return [decisions[n] for n in range(len(decisions))]


@dataclass(frozen=True, slots=True)
class _Matter:
    """One request on its way to its decision."""

    request: Request
    packs: tuple[Pack, ...]
    facts: Facts
    incomplete: tuple[Reason, ...]

    @classmethod
    def of(cls, request: Request, library: Library, policy: tuple[str, ...]) -> _Matter:
        if request.words.digest != library.words.digest:
            request = replace(request, words=library.words)  # checked anew against its words
        day = request.as_of
        facts = dict(request.facts)
        if day is not None:
            facts[AS_OF] = day_number(day)
        packs = library.governing(request, policy)
        return cls(request, packs, facts, tuple(_incomplete(request, library)))


def effective_policy(named: Sequence[str], library: Library) -> tuple[str, ...]:
    """The policy packs, and the model where none of them grants anything.

    A pack without a ground (a bill that only forbids, kept as if it were law) is no policy: it
    restricts what the policy grants.
    """
    grants = any(name in library and library[name].names_grounds for name in named)
    policy = tuple(sorted({*named} if grants else {*named, MODEL}))
    for name in policy:
        if name not in library:
            raise RequestError(
                f"there is no pack {shown(name)}", where="policy", do="countenance law list"
            )
    return policy


def grantors(packs: Iterable[Pack], policy: Sequence[str]) -> tuple[Pack, ...]:
    """The policy packs that must grant: all that name grounds for anything."""
    return tuple(pack for pack in packs if pack.id in policy and pack.names_grounds)


def _unjudged(matter: _Matter, policy: tuple[str, ...], library: Library) -> Decision:
    """Where it is not even known what is to be done, or when: no rule can be asked."""
    return make_decision(
        matter.request, matter.incomplete, (), (), unread_packs(matter.packs, policy), policy,
        library.words, allowed=False,
    )  # fmt: skip


def _incomplete(request: Request, library: Library) -> Iterable[Reason]:
    """What keeps a request from being judged, whatever any pack says."""
    if request.at is None:
        yield Reason(
            Effect.INCOMPLETE, "It is not stated when this is to be done.", HOUSE, facts=("at",)
        )
    if request.act is None:
        yield Reason(
            Effect.INCOMPLETE, "It is not stated what is to be done.", HOUSE, facts=("act",)
        )
    if not request.jurisdictions:
        yield Reason(Effect.INCOMPLETE, "It is not stated whose law binds the agency.", HOUSE,
                     facts=("jurisdictions",))  # fmt: skip
    behalf = request.facts.get("behalf.of")
    if behalf is None:
        yield Reason(Effect.INCOMPLETE, "It is not stated on whose behalf this is done.", HOUSE,
                     facts=("behalf.of",))  # fmt: skip
    elif behalf != "own-agency" and not request.behalf_jurisdictions:
        yield Reason(
            Effect.INCOMPLETE,
            "It is not stated whose law binds those on whose behalf this is done.", HOUSE,
            facts=("behalf-jurisdictions",),
        )  # fmt: skip
    for place in dict.fromkeys(request.jurisdictions + request.behalf_jurisdictions):
        if not library.covers(place):
            yield Reason(Effect.NO_PACK, f"There is no rule pack for {place}.", HOUSE)
    for places, kind in (
        (request.jurisdictions, "agency.kind"),
        (request.behalf_jurisdictions, "behalf.kind"),
    ):
        if request.facts.get(kind) not in _OF_THE_COUNTRY:
            yield from _no_state(places, library)


_OF_THE_COUNTRY = ("federal-law-enforcement", "immigration-authority", "federal-agency")


def _no_state(places: Sequence[str], library: Library) -> Iterable[Reason]:
    """A local body that names only its country would be judged under no state's law."""
    for place in places:
        named = any(other.startswith(place + "/") for other in places)
        if not named and library.has_states(place):
            yield Reason(
                Effect.INCOMPLETE, f"It is not stated in which state of {place} this is done.",
                HOUSE, facts=("jurisdictions",),
            )  # fmt: skip
