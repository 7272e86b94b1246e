"""The log over HTTP: monitors and the command line can follow it, and nothing else is served."""

from __future__ import annotations

from pathlib import Path

import pytest
from webkit import Site
from witnessed import Witnessed, ran, served, witnessed

from countenance.record import HttpStorage, Policy, leaf_hash, parse_checkpoint, verify_proof
from countenance.record.note import split_note
from countenance.record.tiles import read_bundle, read_tile


@pytest.fixture
def publisher(site: Site) -> Witnessed:
    found = witnessed(site)
    site.administrator()
    found.cover(None)
    return found


def published(site: Site) -> int:
    note = site.public().get("/log/checkpoint").content
    return parse_checkpoint(split_note(note)[0]).size


def test_the_checkpoint_meets_the_policy_and_is_kept_for_seconds_only(
    site: Site, publisher: Witnessed
) -> None:
    answer = site.public().get("/log/checkpoint")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"] == "public, max-age=5"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = site.public().get("/policy")
    assert policy.headers["content-type"].startswith("text/plain")
    checkpoint = Policy.parse(policy.content).check(answer.content)
    assert checkpoint.size == publisher.log.size
    assert checkpoint.root == publisher.log.root()


def test_tiles_and_bundles_are_those_of_the_log_and_for_good(
    site: Site, publisher: Witnessed
) -> None:
    size = published(site)
    visitor = site.public()

    def read(path: str) -> bytes | None:
        answer = visitor.get(f"/log/{path}")
        if answer.status_code == 404:
            return None
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"] == "application/octet-stream"
        return answer.content

    entries = read_bundle(read, 0, size)
    tile = read_tile(read, 0, 0, size)
    assert entries == [publisher.log.entry(n) for n in range(size)]
    assert tile == b"".join(map(leaf_hash, entries))


def test_an_entry_comes_with_its_proof(site: Site, publisher: Witnessed) -> None:
    visitor = site.public()
    entry = visitor.get("/log/entry/0.json").content
    proof = visitor.get("/log/entry/0.tlog-proof").content
    assert entry == publisher.log.entry(0)
    assert verify_proof(proof, entry, Policy.parse(visitor.get("/policy").content))


def test_what_is_not_published_yet_is_not_served(site: Site, publisher: Witnessed) -> None:
    size = published(site)
    site.public().post("/subject-requests/ask", {"name": "Paula Poe", "contact": "12 Elm Street"})
    assert publisher.log.size > size
    for path in (f"entry/{size}.json", f"entry/{size}.tlog-proof",
                 f"tile/0/000.p/{size + 1}", f"tile/entries/000.p/{size + 1}"):  # fmt: skip
        assert site.public().get(f"/log/{path}").status_code == 404
    assert published(site) == size


def test_a_log_that_published_nothing_yet(site: Site) -> None:
    for path in ("checkpoint", "tile/0/000", "entry/0.json"):
        assert site.public().get(f"/log/{path}").status_code == 404


OUTSIDE = (
    "../vault.db", "%2e%2e/vault.db", "..%2fdesk.db", "tile/../../vault.db", "lock", "journal",
    "tile/0/../../../desk.db", "tile/0/000%00", "tile//0/000", "tile/0/0000", "tile/64/000",
    "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/x000/000", "tile/00/000", "tile/entries",
    "%2fetc%2fpasswd", "/etc/passwd", "entry/-1.json", "entry/01.json", "entry/0.html",
    "entry/0.json/..", "index.html", "verify.html", "checkpoint/", "journal.next",
    "entry/999999999999999999.json", "tile/0/" + "x000/" * 20 + "000",
    "tile/0/000\\..\\..\\vault.db",
)  # fmt: skip


def test_no_way_leads_out_of_what_is_published(site: Site, publisher: Witnessed) -> None:
    visitor = site.public()
    for path in OUTSIDE:
        answer = visitor.get(f"/log/{path}")
        assert answer.status_code == 404, path
        assert b"SQLite" not in answer.content
        assert answer.headers["content-type"].startswith("text/html")
    del publisher


def test_nobody_writes_here(site: Site, publisher: Witnessed) -> None:
    for path in ("/log/checkpoint", "/policy", "/healthz"):
        assert site.public().post(path).status_code == 405
    del publisher


def test_the_command_line_checks_the_whole_log_from_its_address(
    site: Site, publisher: Witnessed, tmp_path: Path
) -> None:
    policy = tmp_path / "policy"
    policy.write_bytes(site.public().get("/policy").content)
    with served(site) as address:
        done = ran("record", "verify", f"{address}/log", "--policy", policy)
        assert done.exit_code == 0, done.output
        seen = ran("record", "monitor", tmp_path / "m", "--policy", policy,
                   "--place", f"{address}/log")  # fmt: skip
        assert HttpStorage(f"{address}/log").read("checkpoint") is not None
    assert publisher.log.size > 0
    assert seen.exit_code == 0, seen.output
