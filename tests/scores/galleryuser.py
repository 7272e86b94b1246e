"""A process that changes a gallery and says what was acknowledged, until it is killed.

    python galleryuser.py FOLDER RUN SEED

Before each change a line with what is about to be done, after it ``ok``.
"""

from __future__ import annotations

import os
import random
import sys

import numpy as np
from gallerykit import card, templates

from countenance.scores import GalleryWriter

MOST = 30  # appended in one life, so that 300 of them fit into one list


def row(number: int):
    return templates(1, seed=number)


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # shorter than a pipe's buffer: never torn


def main() -> None:
    folder, run, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    with GalleryWriter(folder) as writer:
        number = run * 1000
        here = [f"{n}" for n in range(number - 1000, number - 800) if f"{n}" in writer]
        say("open")
        while True:
            kind = chance.choice("aaaadddc")
            if kind == "a" and number < run * 1000 + MOST:
                count = chance.randint(1, 4)
                ids = [f"{number + n}" for n in range(count)]
                say("a " + " ".join(ids))
                rows = np.concatenate([row(number + n) for n in range(count)])
                writer.append(ids, rows, engine=card().identity)
                here += ids
                number += count
            elif kind == "d" and here:
                gone = [here.pop(chance.randrange(len(here)))]
                say("d " + " ".join(gone))
                writer.delete(gone)
            elif kind == "c":
                say("c")
                writer.compact()
            else:
                continue
            say("ok")


if __name__ == "__main__":
    main()
