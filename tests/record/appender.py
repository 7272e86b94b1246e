"""A process that appends from several threads and says what was acknowledged, until it is killed.

    python appender.py FOLDER RUN THREADS

One line each, written at once: ``a INDEX THREAD NUMBER`` when an append has returned,
``c SIZE ROOT`` when a checkpoint is published.
"""

from __future__ import annotations

import os
import sys
import threading

from logkit import published, signer

from countenance.record.folder import FolderStorage
from countenance.record.log import Log


def content(run: int, thread: int, number: int) -> bytes:
    return b"run %d thread %d number %d " % (run, thread, number) + b"." * (number * 13 % 400)


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # shorter than a pipe's buffer: never torn


def append(log: Log, run: int, thread: int) -> None:
    number = 0
    while True:
        group = [content(run, thread, number + i) for i in range(1 + (thread + number) % 3)]
        for index in log.append(group):
            say(f"a {index} {thread} {number}")
            number += 1


def main() -> None:
    folder, run, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    log = Log.open(FolderStorage(folder, settle_bytes=20_000), signer())
    for thread in range(threads):
        threading.Thread(target=append, args=(log, run, thread), daemon=True).start()
    while True:
        log.publish()
        checkpoint = published(log)
        say(f"c {checkpoint.size} {checkpoint.root.hex()}")


if __name__ == "__main__":
    main()
