"""The demonstration, made once for a run of tests, and a copy for each that needs one."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from countenance.desk.deployment import Deployment
from countenance.web.demo.app import create_demo_app
from countenance.web.demo.cast import Cast
from countenance.web.demo.making import CAST, is_demo, make_demo, opened


def made(factory: pytest.TempPathFactory) -> Path:
    """The demonstration's folder. Whoever of several test processes comes first makes it."""
    base = factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = shared / "demo-made"
        if not is_demo(folder):
            shutil.rmtree(folder, ignore_errors=True)
            make_demo(folder, listen=f"127.0.0.1:{free_port()}")
    return folder


def copied(folder: Path, to: Path, port: int) -> Path:
    """A copy that answers at another port, with its witness at another, too."""
    shutil.copytree(folder, to)
    config = to / "desk.toml"
    text = config.read_text()
    old = re.search(r'listen = "127\.0\.0\.1:(\d+)"', text)
    assert old
    text = text.replace(f"localhost:{old[1]}", f"localhost:{port}")
    text = text.replace(old[0], f'listen = "127.0.0.1:{port}"')
    text = re.sub(r'local-witness = "[^"]*"', f'local-witness = "127.0.0.1:{free_port()}"', text)
    config.write_text(text)
    cast = json.loads((to / CAST).read_text())
    for one in cast.values():
        one["device"]["origin"] = f"http://localhost:{port}"
    (to / CAST).write_text(json.dumps(cast))
    return to


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Demo:
    of: Deployment
    app: Any
    cast: Cast
    address: str


@contextmanager
def demo_of(factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """An opened copy of the demonstration, and its app."""
    port = free_port()
    folder = copied(made(factory), factory.mktemp("demo") / "desk", port)
    cast = Cast.read(folder / CAST)
    with opened(folder) as of:
        yield Demo(of, create_demo_app(of, cast), cast, f"http://localhost:{port}")


@contextmanager
def served(app: Any, address: str) -> Iterator[str]:
    """The app at its address, until the block ends."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=int(address.rpartition(":")[2]), log_level="warning",
        ws="none", lifespan="on",
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.02)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(20)
