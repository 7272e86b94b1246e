"""So that the tests of this room can import what they share: `from lawkit import pack_of`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
