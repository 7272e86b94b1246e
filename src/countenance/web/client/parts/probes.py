"""Calls of the API about probes.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

from countenance.web.client.calling import Call, Part, Shape, Tagged, Value
from countenance.web.client.parts.values import Quality


class ImageMade(Value, frozen=True, kw_only=True):
    """The SHA-256 of the image as it stands now."""

    image: str


Judgement = Literal[
    "clear-enough",
    "too-blurred",
    "too-small",
    "too-dark",
    "turned-away",
    "covered",
    "edited-too-much",
    "not-one-face",
    "other",
]
"""Why a person found a probe good enough, or not."""


KnownBy = Literal[
    "recording-of-the-act",
    "witness-of-the-act",
    "document",
    "account-in-social-media",
    "family-or-friend",
    "body",
    "not-known",
]
"""How it is known whom a probe shows."""


Operation = Literal[
    "crop",
    "turn",
    "brightness",
    "contrast",
    "grey",
    "colour",
    "resize",
    "sharpen",
    "denoise",
    "deinterlace",
    "straighten-lens",
    "mirror",
    "fill-in",
    "clone",
    "reshape",
    "open-eyes",
    "close-mouth",
    "turn-head",
    "combine",
    "generative-upscale",
    "generative-other",
]
"""One kind of edit."""


class NewEdit(Value, frozen=True, kw_only=True):
    """An edit that the desk is to make. `before`: the SHA-256 of the image it begins from."""

    before: str
    operation: Operation
    parameters: dict[str, int] = msgspec.field(default_factory=dict)
    reason: str


class ProbeJudgement(Value, frozen=True, kw_only=True):
    """Whether a search may be made with it. `image`: the SHA-256 of the image that was seen."""

    image: str
    suitable: bool
    reason: Judgement


class ProbeNotTaken(Value, frozen=True, kw_only=True):
    """Refused, and nothing of it kept: the sentences that say so, each with its citation."""

    state: Literal["refused"] = "refused"
    sort: str
    sentences: tuple[str, ...]


class ProbeTaken(Value, frozen=True, kw_only=True):
    """The probe was taken, and waits for an examiner's judgement."""

    state: Literal["waiting"] = "waiting"
    probe: str


class WaitingProbe(Value, frozen=True, kw_only=True):
    """A probe that waits for a judgement; `image` is the SHA-256 of its picture as it stands."""

    probe: str
    image: str


class ProbesCalls(Part):
    """Calls of the API about probes."""

    def upload_a_probe(
        self,
        case: str,
        data: bytes,
        *,
        known_by: KnownBy,
        shows: str,
        sort: str,
        captured_on: datetime.date | None = None,
        explanation: str = "",
    ) -> ProbeTaken | ProbeNotTaken:
        """Keep the original of a probe, or be told why it is none."""
        return self._call(
            Call("upload_a_probe", "POST", "/api/v1/cases/{case}/probes"),
            Tagged[ProbeTaken | ProbeNotTaken](
                "state", {"waiting": ProbeTaken, "refused": ProbeNotTaken}
            ),
            path={"case": case},
            query={"sort": sort, "shows": shows, "known_by": known_by, "captured_on": captured_on},
            header={"explanation": explanation},
            body=data,
        )

    def upload_an_edit(
        self,
        probe: str,
        data: bytes,
        *,
        reason: str,
        tool_version: str,
        tool: str,
        operation: Operation,
        before: str,
        alters: bool = False,
        parameters: str = "",
    ) -> ImageMade:
        """Record an edit that was made elsewhere: the picture that came of it, and how."""
        return self._call(
            Call("upload_an_edit", "POST", "/api/v1/probes/{probe}/edits/upload"),
            Shape[ImageMade](ImageMade),
            path={"probe": probe},
            query={
                "before": before,
                "operation": operation,
                "tool": tool,
                "tool_version": tool_version,
                "alters": alters,
            },
            header={"reason": reason, "parameters": parameters},
            body=data,
        )

    def make_an_edit(self, probe: str, sent: NewEdit) -> ImageMade:
        """Have the desk make an edit, and record it."""
        return self._call(
            Call("make_an_edit", "POST", "/api/v1/probes/{probe}/edits"),
            Shape[ImageMade](ImageMade),
            path={"probe": probe},
            body=sent,
        )

    def list_waiting_probes(self) -> tuple[WaitingProbe, ...]:
        """Probes that wait for this examiner's judgement, the oldest first."""
        return self._call(
            Call("list_waiting_probes", "GET", "/api/v1/probes/waiting"),
            Shape[tuple[WaitingProbe, ...]](tuple[WaitingProbe, ...]),
        )

    def show_probe_quality(self, probe: str) -> Quality:
        """What was measured of the picture that is to be judged."""
        return self._call(
            Call("show_probe_quality", "GET", "/api/v1/probes/{probe}/quality"),
            Shape[Quality](Quality),
            path={"probe": probe},
        )

    def show_probe_to_judge(self, probe: str) -> bytes:
        """The picture that is to be judged, and nothing of the case."""
        return self._call(
            Call("show_probe_to_judge", "GET", "/api/v1/probes/{probe}/picture"),
            bytes,
            path={"probe": probe},
        )

    def show_probe_image(self, probe: str, sha256: str) -> bytes:
        """One picture of a probe, original or edited, for whoever may read its case."""
        return self._call(
            Call("show_probe_image", "GET", "/api/v1/probes/{probe}/images/{sha256}"),
            bytes,
            path={"probe": probe, "sha256": sha256},
        )

    def judge_a_probe(self, probe: str, sent: ProbeJudgement) -> None:
        """Say whether a search may be made with the picture as it stands."""
        self._call(
            Call("judge_a_probe", "POST", "/api/v1/probes/{probe}/judge"),
            None,
            path={"probe": probe},
            body=sent,
        )
