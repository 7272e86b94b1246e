"""Options of more than one value: lists, pairs, bins, with messages that name the option."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from countenance.core import InputError

Name = TypeVar("Name", bound=str)


def split_list(values: Iterable[str] | None) -> tuple[str, ...]:
    """``["a,b", "c"]`` to ``("a", "b", "c")``: given together or one by one, no doubles."""
    parts = (part.strip() for value in values or () for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def split_pairs(values: Iterable[str] | None, *, option: str, example: str) -> dict[str, str]:
    """``["a=x,b=y"]`` to ``{"a": "x", "b": "y"}``.

    Raises
    ------
    InputError
        A part without ``=``, an empty side, or a name given twice.
    """
    pairs: dict[str, str] = {}
    for part in split_list(values):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not (name and sign and value):
            raise InputError(f"{part!r} is not a pair", where=option, expected=example)
        if name in pairs:
            raise InputError(f"{name!r} is given twice", where=option, expected="each name once")
        pairs[name] = value
    return pairs


def split_bins(values: Iterable[str] | None) -> dict[str, tuple[float, ...]]:
    """``["age=20,35,50"]`` to ``{"age": (20.0, 35.0, 50.0)}``.

    Raises
    ------
    InputError
        No ``=``, an edge that is not a number, edges that do not rise.
    """
    bins: dict[str, tuple[float, ...]] = {}
    for value in values or ():
        name, _, text = value.partition("=")
        edges = tuple(_edge(part, value) for part in text.split(",") if part.strip())
        if not name.strip() or not edges:
            raise InputError(f"{value!r} is not a binning", where="--bin", expected="age=20,35,50")
        if any(b <= a for a, b in itertools.pairwise(edges)):
            raise InputError(
                f"the edges of {value!r} do not rise", where="--bin", expected="age=20,35,50"
            )
        bins[name.strip()] = edges
    return bins


def number(text: str, *, option: str, expected: str) -> str:
    """The text as typed, known to be a finite decimal number.

    Raises
    ------
    InputError
        Anything else.
    """
    try:
        if Decimal(text.strip()).is_finite():
            return text.strip()
    except InvalidOperation:
        pass
    raise InputError(f"{text!r} is not a number", where=option, expected=expected)


def rate(text: str, *, option: str) -> str:
    """The text as typed, known to be a rate above 0 and at most 1.

    Raises
    ------
    InputError
        Anything else; a percentage is named as the likely slip.
    """
    expected = "a rate above 0 and at most 1, for example 0.001 or 1e-3"
    if text.strip().endswith("%"):
        raise InputError(f"{text!r} is a percentage", where=option, expected=expected)
    if not 0 < Decimal(number(text, option=option, expected=expected)) <= 1:
        raise InputError(f"{text!r} is not a rate", where=option, expected=expected)
    return text.strip()


def choice(text: str, names: Sequence[Name], *, option: str) -> Name:
    """The name that the text is.

    Raises
    ------
    InputError
        Another text; the nearest name is suggested.
    """
    for name in names:
        if name == text:
            return name
    near = difflib.get_close_matches(text, names, n=1)
    raise InputError(
        f"unknown value {text!r}",
        where=option,
        expected=", ".join(names),
        do=f"did you mean {near[0]!r}?" if near else None,
    )


def _edge(text: str, whole: str) -> float:
    try:
        return float(number(text, option="--bin", expected="age=20,35,50"))
    except InputError as error:
        raise InputError(
            f"{text.strip()!r} in {whole!r} is not a number",
            where="--bin",
            expected="age=20,35,50",
        ) from error
