"""Make the picture and the sentence that open the README, from the demonstration (make figure).

A test makes them again, so that the README cannot say anything else than the code measures.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from countenance.audit.report import write_report
from countenance.cli.demonstration import demonstration_audit

ENGINE = "dlib"
ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "london-fmr.svg"
PAGE = ROOT / "README.md"


def opening() -> tuple[str, str]:
    """The picture as SVG and the sentence."""
    audit = demonstration_audit(ENGINE)
    if audit is None:
        raise SystemExit(f"no demonstration of {ENGINE}")
    with tempfile.TemporaryDirectory() as folder:
        write_report(audit, Path(folder), pdf=False)
        return (Path(folder) / "plots" / "fmr-by-group.svg").read_text("utf-8"), audit.summary


def main() -> None:
    """Write both."""
    picture, sentence = opening()
    PICTURE.write_text(picture, encoding="utf-8")
    page = PAGE.read_text("utf-8")
    PAGE.write_text(
        re.sub(r"(?m)^> .*$", lambda _: f"> {sentence}", page, count=1), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
