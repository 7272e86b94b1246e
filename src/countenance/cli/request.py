"""An audit as it was asked for: the options as one value, and the command that they spell.

The command is written into audit.json, so that anyone can run the audit again. It therefore holds
what determines the numbers and nothing else (no output folder, no cache), and names files without
their folders: the same inputs give the same bytes wherever they lie. `countenance reproduce`
reads it back through the same options.
"""

from __future__ import annotations

import datetime as dt
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from countenance.cli.parsing import choice, number, rate, split_bins, split_list, split_pairs
from countenance.core import InputError

Direction = Literal["similarity", "dissimilarity"]
Failures = Literal["exclude", "positive", "negative"]
Selection = Literal["one", "largest"]
DEFAULT_ENGINE = "sface"
COLUMNS = ("probe", "reference", "probe_subject", "reference_subject", "score")
#: Options of the command and the keywords of `ask` they become.
_KEYWORDS = {
    "--bin": "bins",
    **{
        f"--{name.replace('_', '-')}": name
        for name in (
            "engine", "layout", "selection", "attributes", "pairs", "columns", "direction", "unit",
            "probe", "reference", "group", "threshold", "fmr_target", "claim", "failures", "level",
            "seed", "date", "title",
        )
    },
}  # fmt: skip
_SEVERAL = frozenset({"bins", "group", "threshold", "fmr_target", "columns"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """Everything a person asked of one audit; `countenance audit --help` says what each means.

    Made by `ask`, which checks the texts. `split` is an attribute of images with its value for
    probes and for references.
    """

    data: Path
    engine: str | None
    layout: str | None
    selection: Selection | None
    groups: tuple[str, ...]
    bins: Mapping[str, tuple[float, ...]]
    thresholds: tuple[str, ...]
    fmr_targets: tuple[str, ...]
    claim: str | None
    attributes: Path | None
    columns: Mapping[str, str]
    direction: Direction | None
    unit: str | None
    split: tuple[str, str, str] | None
    pairs: Path | None
    failures: Failures
    level: str
    seed: int
    date: str | None
    title: str | None

    def command(self) -> str:
        """The command line that asks for this audit, with file names instead of paths."""
        words = ["countenance", "audit", file_name(self.data)]
        for option, value in self._options():
            words += [option, value]
        return shlex.join(words)

    def _options(self) -> list[tuple[str, str]]:
        """The options that are not at their default, in one order."""
        spelt: list[tuple[str, str | None]] = [
            ("--engine", self.engine),
            ("--layout", self.layout),
            ("--selection", self.selection),
            ("--attributes", file_name(self.attributes) if self.attributes else None),
            ("--pairs", file_name(self.pairs) if self.pairs else None),
            ("--columns", _joined(self.columns)),
            ("--direction", self.direction),
            ("--unit", self.unit),
            ("--probe", f"{self.split[0]}={self.split[1]}" if self.split else None),
            ("--reference", f"{self.split[0]}={self.split[2]}" if self.split else None),
            ("--group", ",".join(self.groups)),
        ]
        for name, edges in self.bins.items():
            spelt.append(("--bin", f"{name}={','.join(f'{edge:.12g}' for edge in edges)}"))
        spelt += [("--threshold", value) for value in self.thresholds]
        spelt += [("--fmr-target", value) for value in self.fmr_targets]
        spelt += [
            ("--claim", self.claim),
            ("--failures", None if self.failures == "exclude" else self.failures),
            ("--level", None if self.level == "0.95" else self.level),
            ("--seed", None if self.seed == 1 else str(self.seed)),
            ("--date", self.date),
            ("--title", self.title),
        ]
        return [(option, value) for option, value in spelt if value]


def ask(
    data: Path,
    *,
    engine: str | None = None,
    layout: str | None = None,
    selection: str | None = None,
    group: Sequence[str] | None = None,
    bins: Sequence[str] | None = None,
    threshold: Sequence[str] | None = None,
    fmr_target: Sequence[str] | None = None,
    claim: str | None = None,
    attributes: Path | None = None,
    columns: Sequence[str] | None = None,
    direction: str | None = None,
    unit: str | None = None,
    probe: str | None = None,
    reference: str | None = None,
    pairs: Path | None = None,
    failures: str = "exclude",
    level: str = "0.95",
    seed: int = 1,
    date: str | None = None,
    title: str | None = None,
) -> AuditRequest:
    """Check the options of `countenance audit` and make one value of them.

    Raises
    ------
    InputError
        An option that cannot be read; the message names it and says what was expected.
    """
    if pairs is not None and (probe or reference):
        raise InputError("--pairs and --probe both say what to compare", expected="one of them")
    return AuditRequest(
        data=data,
        engine=engine,
        layout=layout,
        selection=choice(selection, get_args(Selection), option="--selection")
        if selection is not None
        else None,
        groups=split_list(group),
        bins=split_bins(bins),
        thresholds=tuple(
            number(
                text,
                option="--threshold",
                expected="a number in the engine's unit, for example 0.363",
            )
            for text in split_list(threshold)
        ),
        fmr_targets=tuple(rate(text, option="--fmr-target") for text in split_list(fmr_target)),
        claim=rate(claim, option="--claim") if claim is not None else None,
        attributes=attributes,
        columns=_columns(columns),
        direction=choice(direction, get_args(Direction), option="--direction")
        if direction is not None
        else None,
        unit=unit,
        split=_split(probe, reference),
        pairs=pairs,
        failures=choice(failures, get_args(Failures), option="--failures"),
        level=_level(level),
        seed=seed,
        date=_date(date) if date is not None else None,
        title=title,
    )


def asked_in(command: str) -> AuditRequest:
    """The inverse of `AuditRequest.command`: the request that spells this command.

    Raises
    ------
    InputError
        The text is no such command; an audit made through the library carries none.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if words[:2] != ["countenance", "audit"] or len(words) % 2 == 0:
        raise InputError(
            "the audit does not carry the command that made it",
            expected="an audit made by `countenance audit`",
        )
    options: dict[str, list[str]] = {}
    for option, value in zip(words[3::2], words[4::2], strict=True):
        options.setdefault(option, []).append(value)
    unknown = sorted(set(options) - _KEYWORDS.keys())
    if unknown:
        raise InputError(
            f"the audit's command has an option {unknown[0]!r} that this release does not know",
            do="use the release named in the audit's `software` field",
        )
    given: dict[str, Any] = {_KEYWORDS[option]: values for option, values in options.items()}
    for keyword in given.keys() - _SEVERAL:
        given[keyword] = given[keyword][-1]
    for keyword in given.keys() & {"attributes", "pairs"}:
        given[keyword] = Path(given[keyword])
    if "seed" in given:
        given["seed"] = int(given["seed"])
    return ask(Path(words[2]), **given)


def file_name(path: Path) -> str:
    """The last part of a path, also of ``.`` and ``..``."""
    return path.name if path.name not in ("", "..") else path.resolve().name


def _joined(pairs: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in pairs.items())


def _columns(values: Sequence[str] | None) -> dict[str, str]:
    """Our names of columns to the table's."""
    pairs = split_pairs(values, option="--columns", example="probe_subject=id1,score=distance")
    return {choice(ours, COLUMNS, option="--columns"): theirs for ours, theirs in pairs.items()}


def _split(probe: str | None, reference: str | None) -> tuple[str, str, str] | None:
    """Attribute, value of probes, value of references."""
    if probe is None and reference is None:
        return None
    sides = [
        split_pairs([text], option=option, example=f"{option} expression=neutral")
        for option, text in (("--probe", probe), ("--reference", reference))
        if text is not None
    ]
    names = {name for side in sides for name in side}
    if len(sides) != 2 or len(names) != 1:
        raise InputError(
            "--probe and --reference name two values of one attribute",
            expected="for example --probe expression=neutral --reference expression=smiling",
        )
    name = names.pop()
    return name, sides[0][name], sides[1][name]


def _level(text: str) -> str:
    expected = "a number between 0.5 and 1, for example 0.95"
    if not 0.5 <= float(number(text, option="--level", expected=expected)) < 1:
        raise InputError(
            f"{text!r} is not a level of confidence", where="--level", expected=expected
        )
    return text.strip()


def _date(text: str) -> str:
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InputError(
            f"{text!r} is not a date", where="--date", expected="YYYY-MM-DD"
        ) from error
