"""What a call of the API is, and how its answer is read: what the client's parts are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

import msgspec

T = TypeVar("T")
S = TypeVar("S")


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is sent, or answered. Fields that this version does not know are passed over."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of the API, and where it is.

    Attributes
    ----------
    confirms
        The action that the passkey has to confirm right before; empty where it needs none.
    signs
        The field of what is sent whose digest the passkey signs instead; empty for none.
    """

    name: str
    method: str
    path: str
    confirms: str = ""
    signs: str = ""


@dataclass(frozen=True)  # a generic with slots cannot be called by its type
class Shape(Generic[T]):
    """How an answer is read."""

    of: Any

    def read(self, data: bytes) -> T:
        """The answer. Raises msgspec.MsgspecError where it has another shape."""
        found: T = msgspec.json.decode(data, type=self.of)
        return found


@dataclass(frozen=True)
class Tagged(Generic[T]):
    """How an answer is read that is one of several things, told apart by one word in it."""

    by: str
    among: Mapping[str, Any]

    def read(self, data: bytes) -> T:
        """The answer. Raises msgspec.MsgspecError where it is none of them."""
        word = str(msgspec.json.decode(data, type=dict[str, Any]).get(self.by))
        if word not in self.among:
            raise msgspec.ValidationError(f"{self.by} is none of {', '.join(self.among)}")
        found: T = msgspec.json.decode(data, type=self.among[word])
        return found


class Part:
    """Some of the calls; `client.Client` makes them."""

    @overload
    def _call(self, call: Call, answer: None, **sent: Any) -> None: ...

    @overload
    def _call(self, call: Call, answer: type[bytes], **sent: Any) -> bytes: ...

    @overload
    def _call(self, call: Call, answer: Shape[S] | Tagged[S], **sent: Any) -> S: ...

    def _call(self, call: Call, answer: Any, **sent: Any) -> Any:
        return self._made(call, answer, **sent)

    def _made(self, call: Call, answer: Any, **sent: Any) -> Any:
        raise NotImplementedError
