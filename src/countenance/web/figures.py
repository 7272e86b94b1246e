"""The public figures, counted once for everybody who asks at about the same time.

Anybody may ask, and counting takes time over many cases. So what took long is shown again, for ten
times as long as it took: whoever asks without end makes the desk count for a tenth of its time.
The page says as of when it is. That the desk is suspended, or is no more, is shown at once.
"""

from __future__ import annotations

import threading
import time
import weakref
from dataclasses import dataclass, field

from countenance.desk.deployment import Deployment
from countenance.desk.publicfigures import PublicFigures, public_figures
from countenance.desk.service import Desk, Standing

TIMES = 10
QUICK_S = 0.1
"""What took no longer is counted anew each time."""


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    figures: PublicFigures | None = None
    until: float = 0.0


_kept: weakref.WeakKeyDictionary[Desk, _Kept] = weakref.WeakKeyDictionary()
_adding = threading.Lock()


def kept_figures(deployment: Deployment) -> PublicFigures:
    """The public figures of a deployment, as of now or of a little while ago.

    One at a time counts; the others are shown what was counted before, if it still holds.
    """
    with _adding:
        kept = _kept.setdefault(deployment.desk, _Kept())
    before = kept.figures
    enough = time.monotonic() < kept.until or kept.lock.locked()
    if before is not None and enough and _stands_as(deployment.desk, before):
        return before
    with kept.lock:
        now = kept.figures
        if now is not None and now is not before and _stands_as(deployment.desk, now):
            return now  # somebody counted while this one waited
        began = time.monotonic()
        kept.figures = public_figures(deployment.desk, deployment.house, deployment.log)
        took = time.monotonic() - began
        kept.until = began + took + (TIMES * took if took > QUICK_S else 0.0)
        return kept.figures


def _stands_as(desk: Desk, figures: PublicFigures) -> bool:
    """Whether the desk is suspended, or not, as the figures say."""
    with desk.store.reading() as db:
        row = db.get(Standing, 1)
    return row is not None and row.down_since == figures.down_since
