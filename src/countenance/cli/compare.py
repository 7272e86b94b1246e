"""`countenance compare`: one comparison, and what the audit on file says of such a score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from countenance.cli.options import EngineName, Selection

if TYPE_CHECKING:
    from countenance.faces import Engine


def compare(
    probe: Annotated[
        Path, typer.Argument(metavar="PROBE", help="An image of one face.", show_default=False)
    ],
    reference: Annotated[
        Path, typer.Argument(metavar="REFERENCE", help="Another image.", show_default=False)
    ],
    engine: EngineName = "sface",
    selection: Selection = "one",
    audit: Annotated[
        Path | None,
        typer.Option(
            "--audit", metavar="FILE", help="The audit to read the score by (default: on file)."
        ),
    ] = None,
) -> None:
    """Compare two images, and say what the audit on file says of such a score.

    The score alone says little. What matters is how often two different people are found as alike
    by this engine, and that differs from group to group.
    """
    from countenance.cli.onfile import find_audit
    from countenance.cli.parsing import choice
    from countenance.cli.reading import show_reading, show_score
    from countenance.cli.terminal import console
    from countenance.faces import SELECTIONS, engine_names, load_engine

    name = choice(engine, engine_names(), option="--engine")
    chosen = choice(selection, SELECTIONS, option="--selection")
    loaded = load_engine(name, selection=chosen)
    score = _score(loaded, probe, reference)
    out = console()
    show_score(out, loaded.card, score, probe=str(probe), reference=str(reference))
    show_reading(out, find_audit(loaded.card, given=audit), loaded.card, score)


def _score(engine: Engine, probe: Path, reference: Path) -> int:
    """The exact score of two images.

    Raises
    ------
    InputError
        An image gives no template; the message says which and why.
    """
    import numpy as np

    from countenance.core import InputError
    from countenance.faces import Picture, read_picture
    from countenance.scores import ExactTemplates, score_pairs

    templates = []
    for path in (probe, reference):
        picture = read_picture(path, name=path.name)
        outcome = engine.enrol([picture])[0]
        if outcome.template is None:
            status = outcome.status.value.replace("_", " ")
            raise InputError(
                f"gives no template ({status}): {outcome.reason}",
                where=str(path),
                expected="a readable image with one face",
                do="--selection largest takes the largest of several faces"
                if isinstance(picture, Picture) and outcome.faces_found > 1
                else None,
            )
        templates.append(outcome.template)
    exact = ExactTemplates(np.stack(templates), engine.card.unit)
    return int(score_pairs(exact, np.array([0]), np.array([1]))[0])
