"""Backups: of one instant while the desk works; whole or refused; old ones seen as such."""

from __future__ import annotations

import dataclasses
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databases import new_database, server
from deskfolders import make_quick
from deskgalleries import NEW, Toy, folder
from people import entries, first, joined
from sqlalchemy import select, text

from countenance.core import CountenanceError, InputError, IntegrityError
from countenance.desk import imports
from countenance.desk.account_tables import Account
from countenance.desk.backup import BACKUP, handler, read_backup, take_backup
from countenance.desk.checking import Finding, check_desk
from countenance.desk.configuration import FILE, read_configuration
from countenance.desk.deployment import Deployment
from countenance.desk.events import Outgoing
from countenance.desk.galleries import make_gallery
from countenance.desk.jobs import Job, JobState, Working, enqueue, progress
from countenance.desk.making import make_deployment
from countenance.desk.opening import open_deployment
from countenance.desk.parts import now_s, open_log, policy_of
from countenance.desk.published import OldLogError
from countenance.desk.restored import RESTORED
from countenance.desk.restoring import restore
from countenance.desk.roles import Role
from countenance.desk.sealedkeys import seal_keys, unseal_keys
from countenance.record import (
    FolderStorage,
    FollowedLog,
    Monitor,
    Place,
    SQLiteVault,
    open_checkpoint,
)

__all__ = ["server"]

ENGINE = Toy()
PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    make_quick(monkeypatch)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "desk"
    make_deployment(made, name="Desk", origin="https://desk.example")
    return made


def opened(place: Path, **more: Any) -> Any:
    return open_deployment(place, **{"engine": ENGINE, "background": False, **more})


def backed_up(deployment: Deployment, place: Path, target: Path) -> None:
    found = read_configuration(place)
    desk = deployment.desk
    take_backup(found, desk.store, deployment.log, target, now=desk.now())


def checked(deployment: Deployment, place: Path) -> list[Finding]:
    found = read_configuration(place)
    with SQLiteVault(found.places.vault, clock=now_s) as vault:
        return check_desk(found, deployment.desk.store, deployment.log, vault)


def wrong(findings: list[Finding]) -> list[str]:
    return [each.says for each in findings if not each.right]


def with_keys(place: Path, target: Path, *, witness: bool = True) -> Path:
    """A folder for restoring, with what a backup does not hold."""
    target.mkdir(mode=0o700)
    for name in ("keys", "witness") if witness else ("keys",):
        shutil.copytree(place / name, target / name)
    return target


def names(deployment: Deployment) -> set[str]:
    with deployment.desk.store.reading() as db:
        return set(db.scalars(select(Account.name)))


def test_a_backup_whose_maker_died_before_telling_is_a_backup(place: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    with opened(place) as found:
        work = handler(read_configuration(place), found.log)

        def attempt(number: int) -> None:
            work(Working(found.desk, "job", "lease", {"target": str(target)}, number))

        backed_up(found, place, target)
        attempt(2)
        with pytest.raises(InputError):  # somebody else's
            attempt(1)
        damaged = next(each for each in target.rglob("*") if each.suffix == ".toml")
        damaged.write_bytes(b"?")
        with pytest.raises(IntegrityError):
            attempt(2)


def test_what_is_backed_up_comes_back(place: Path, tmp_path: Path) -> None:
    with opened(place, witness=True) as found:
        ada = first(found.desk)
        joined(ada, "Rita Request", Role.REQUESTER)
        found.means.publisher.cover(None)
        backed_up(found, place, tmp_path / "backup")
        size, before = found.log.size, names(found)
    with pytest.raises(InputError, match="keys"):
        restore(tmp_path / "backup", tmp_path / "other")
    result = restore(tmp_path / "backup", with_keys(place, tmp_path / "new"))
    assert (result.said.size, result.unknown) == (size, 0)
    assert not result.new_witness
    with opened(tmp_path / "new", witness=True) as again:
        assert names(again) == before
        ((told),) = list(entries(again.log, RESTORED))
        assert told.public["entries"] == size
        ada.desk = again.desk
        ada.sign_in()
        again.means.publisher.cover(None)
        assert wrong(checked(again, tmp_path / "new")) == []


def test_a_backup_holds_no_key_and_nothing_for_others_to_read(place: Path, tmp_path: Path) -> None:
    with opened(place) as found:
        first(found.desk)
        backed_up(found, place, tmp_path / "backup")
    keys = [path.read_bytes().strip() for path in (place / "keys").iterdir()]
    for path in (tmp_path / "backup").rglob("*"):
        if path.is_file():
            assert not any(key in path.read_bytes() for key in keys), path
        if path.parent.name == "backup":
            assert path.stat().st_mode & 0o077 == 0 or path.name == "log"
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "backup" / "witness").exists()


def test_a_backup_of_a_desk_that_works_fits_together(place: Path, tmp_path: Path) -> None:
    """Threads go on writing; every backup of every instant is whole."""
    stop = threading.Event()
    faults: list[BaseException] = []

    def work(found: Deployment) -> None:
        from countenance.desk.sessions import begin_sign_in, finish_sign_in

        try:
            person = first(found.desk)
            while not stop.is_set():
                ceremony = begin_sign_in(found.desk, found.party)
                person.token = finish_sign_in(
                    found.desk, found.party, ceremony.id, person.device.get(ceremony.options)
                ).token
                code = f"g{found.log.size}"
                make_gallery(
                    found.desk, person.to("gallery.create"),
                    dataclasses.replace(NEW, code=code),
                )  # fmt: skip
                found.means.publisher.cover(None)
        except BaseException as error:
            faults.append(error)

    with opened(place, witness=True) as found:
        thread = threading.Thread(target=work, args=(found,))
        thread.start()
        while found.log.size < 20 and not faults:
            time.sleep(0.01)
        for number in range(5):
            backed_up(found, place, tmp_path / f"backup{number}")
        stop.set()
        thread.join()
        assert not faults, faults
        last = found.log.size
    sizes = [read_backup(tmp_path / f"backup{number}").size for number in range(5)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] <= last
    for number in (0, 4):
        new = with_keys(place, tmp_path / f"new{number}", witness=False)
        restore(tmp_path / f"backup{number}", new)
        with opened(new, witness=True) as again:
            told = again.log.size - sizes[number]  # put back, and configured
            assert 2 <= told <= 4  # and what was on its way at that instant
            again.means.publisher.cover(
                None
            )  # what was published before, another witness cosigned
            assert wrong(checked(again, new)) == []


def test_an_event_on_its_way_is_not_lost(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Committed, and not yet in the log, at the instant of the backup."""
    with opened(place) as found:
        ada = first(found.desk)
        actor = ada.to("gallery.create")
        with monkeypatch.context() as patch:
            patch.setattr(found.desk.recorder, "flush", lambda: 0)
            make_gallery(found.desk, actor, NEW)
            backed_up(found, place, tmp_path / "backup")
            size = found.log.size
        assert read_backup(tmp_path / "backup").size == size
    new = with_keys(place, tmp_path / "new")
    restore(tmp_path / "backup", new)
    with opened(new, witness=True) as again:
        assert len(list(entries(again.log, "gallery-changed"))) <= 1
        with again.desk.store.reading() as db:
            assert db.scalar(select(Outgoing.number).where(Outgoing.place.is_(None))) is None
        assert again.log.size == size + 3
        assert wrong(checked(again, new)) == []


@pytest.mark.parametrize("victim", ["database.sqlite", "vault.sqlite", "log/journal", FILE])
def test_a_damaged_backup_is_refused(place: Path, tmp_path: Path, victim: str) -> None:
    with opened(place) as found:
        first(found.desk)
        backed_up(found, place, tmp_path / "backup")
    path = tmp_path / "backup" / victim
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    target = with_keys(place, tmp_path / "new")
    with pytest.raises(IntegrityError, match="changed") as raised:
        restore(tmp_path / "backup", target)
    assert victim in str(raised.value)
    path.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        restore(tmp_path / "backup", target)
    assert sorted(each.name for each in target.iterdir()) == ["keys", "witness"]


def test_what_is_no_backup_is_refused(place: Path, tmp_path: Path) -> None:
    (tmp_path / "no").mkdir()
    for data in (None, b"", b"{}", b'{"schema": "x"}', b"[" * 10_000):
        if data is not None:
            (tmp_path / "no" / "backup.json").write_bytes(data)
        with pytest.raises(InputError):
            restore(tmp_path / "no", tmp_path / "new")
    with opened(place) as found:
        backed_up(found, place, tmp_path / "backup")
        with pytest.raises(InputError, match="free"):
            backed_up(found, place, tmp_path / "backup")
    with pytest.raises(InputError, match="holds more"):
        restore(tmp_path / "backup", place)


@pytest.fixture
def old(place: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A desk that went on after its backup, and published; the backup."""
    with opened(place, witness=True) as found:
        ada = first(found.desk)
        found.means.publisher.cover(None)
        backed_up(found, place, tmp_path / "backup")
        joined(ada, "Rita Request", Role.REQUESTER)
        found.means.publisher.cover(None)
    return place, tmp_path / "backup"


def test_the_witness_sees_an_old_backup_for_what_it_is(
    old: tuple[Path, Path], tmp_path: Path
) -> None:
    place, backup = old
    target = with_keys(place, tmp_path / "new")
    with pytest.raises(OldLogError, match="old copy") as raised:
        restore(backup, target)
    assert "serving.md" in str(raised.value)
    left = {each.name: each for each in target.iterdir() if each.name != "lock"}
    assert left.keys() == {"imports", "keys", "witness"}
    assert not list(left["imports"].iterdir())


def test_an_old_disk_that_is_put_back_does_not_open(place: Path, tmp_path: Path) -> None:
    """Without any command of ours: files copied, and copied back, all but the witness's."""
    with opened(place, witness=True) as found:
        ada = first(found.desk)
        found.means.publisher.cover(None)
        old = found.log.size
    shutil.copytree(place, tmp_path / "copy")
    with opened(place, witness=True) as found:
        ada.desk = found.desk
        ada.sign_in()
        found.means.publisher.cover(None)
        size = found.log.size
    for name in ("desk.sqlite", "vault.sqlite", "log"):
        target = place / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        source = tmp_path / "copy" / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)
    with pytest.raises(OldLogError, match=f"{size:,} entries"), opened(place, witness=True):
        pass
    with open_log(read_configuration(place)) as log:
        assert log.size == old  # nothing was appended: it can still catch up


def test_an_old_backup_catches_up_from_any_copy_of_the_log(
    old: tuple[Path, Path], tmp_path: Path
) -> None:
    place, backup = old
    target = with_keys(place, tmp_path / "new")
    mirror = FolderStorage(place / "log")  # what anybody may have kept
    note = mirror.read("checkpoint") or b""
    found = read_configuration(place)
    checkpoint, _ = open_checkpoint(note, policy_of(found, public=True).verifiers)
    result = restore(backup, target, copy_of_log=mirror)
    assert result.unknown == checkpoint.size - result.said.size > 0
    with opened(target, witness=True) as again:
        assert names(again) == {"Ada First"}  # what came after the backup is lost, and told
        (told,) = entries(again.log, RESTORED)
        assert told.public["unknown"] == result.unknown
        again.means.publisher.cover(None)
        findings = checked(again, target)
        assert wrong(findings) == []
        assert any("as restoring has told" in each.says for each in findings)


def test_a_copy_that_is_not_of_this_log_is_not_taken(
    old: tuple[Path, Path], tmp_path: Path
) -> None:
    place, backup = old
    make_deployment(tmp_path / "stranger", origin="https://desk.example")
    with opened(tmp_path / "stranger", witness=True) as found:
        ada = first(found.desk)
        for name in ("Rita", "Rosa", "Rolf"):
            joined(ada, name, Role.REQUESTER)
        found.means.publisher.cover(None)
    with pytest.raises(CountenanceError):  # of the same name, and not of the same key
        restore(backup, with_keys(place, tmp_path / "a"),
                copy_of_log=FolderStorage(tmp_path / "stranger" / "log"))  # fmt: skip
    (tmp_path / "changed").mkdir()
    shutil.copytree(place / "log", tmp_path / "changed" / "log")
    bundles = (tmp_path / "changed" / "log" / "tile" / "entries").glob("*.p/*")
    bundle = max(bundles, key=lambda path: int(path.name))
    data = bytearray(bundle.read_bytes())
    data[-3] ^= 1
    bundle.write_bytes(data)
    with pytest.raises(CountenanceError):
        restore(backup, with_keys(place, tmp_path / "b"),
                copy_of_log=FolderStorage(tmp_path / "changed" / "log"))  # fmt: skip


def test_a_copy_of_another_history_is_not_taken(place: Path, tmp_path: Path) -> None:
    """Signed by the very key of the log, which somebody used twice."""
    other = tmp_path / "other"
    shutil.copytree(place, other)
    for folder_, more in ((place, "Rita Request"), (other, "Rosa Request")):
        with opened(folder_, witness=True) as found:
            ada = first(found.desk)
            joined(ada, more, Role.REQUESTER)
            if folder_ == place:
                joined(ada, "Rolf Request", Role.REQUESTER)
            found.means.publisher.cover(None)
            if folder_ == other:
                backed_up(found, other, tmp_path / "backup")
    with pytest.raises(IntegrityError, match="does not begin"):
        restore(tmp_path / "backup", with_keys(place, tmp_path / "new"),
                copy_of_log=FolderStorage(place / "log"))  # fmt: skip


def test_another_log_can_be_begun_and_says_so(old: tuple[Path, Path], tmp_path: Path) -> None:
    place, backup = old
    target = with_keys(place, tmp_path / "new")
    with pytest.raises(InputError, match="either"):
        restore(backup, target, copy_of_log=FolderStorage(place / "log"), new_log="x/2")
    result = restore(backup, target, new_log="desk.example/desk-2")
    assert result.new_log
    with opened(target, witness=True) as again:
        assert again.log.origin == "desk.example/desk-2"
        (told,) = entries(again.log, RESTORED)
        assert told.public["new_log"] is True
        again.means.publisher.cover(None)
        assert wrong(checked(again, target)) == []
    assert len(list((target / "keys").glob("log-*.old"))) == 1


def test_a_lost_witness_is_another_one_afterwards(old: tuple[Path, Path], tmp_path: Path) -> None:
    """And an outsider with the old policy believes none of its cosignatures."""
    place, backup = old
    target = with_keys(place, tmp_path / "new", witness=False)
    result = restore(backup, target)
    assert result.new_witness
    before = policy_of(read_configuration(place), public=True)
    with opened(target, witness=True) as again:
        again.means.publisher.cover(None)
        note = again.log.latest_checkpoint() or b""
    with pytest.raises(CountenanceError, match="quorum"):
        before.check(note)


def test_a_monitor_keeps_the_proof_of_an_old_backup(
    old: tuple[Path, Path], tmp_path: Path
) -> None:
    """Whoever followed the log sees two histories, also where every witness was replaced."""
    place, backup = old
    policy = policy_of(read_configuration(place), public=True)
    monitor = Monitor(tmp_path / "monitor", clock=now_s)
    origin = policy.logs[0].origin
    (seen,) = monitor.visit(
        [FollowedLog(origin, policy, (Place("before", FolderStorage(place / "log")),))]
    ).logs
    assert seen.alerts == []
    target = with_keys(place, tmp_path / "new", witness=False)
    restore(backup, target)
    with opened(target, witness=True) as again:
        again.means.publisher.cover(None)
        again.log.append([b"{}"] * 9)
        again.means.publisher.cover(None)
    after = policy_of(read_configuration(target), public=True)
    (seen,) = monitor.visit(
        [FollowedLog(origin, after, (Place("after", FolderStorage(target / "log")),))]
    ).logs
    assert [alert.kind for alert in seen.alerts if alert.evidence] == ["split-view"]


def test_checking_finds_what_does_not_fit(place: Path) -> None:
    with opened(place, witness=True) as found:
        ada = first(found.desk)
        make_gallery(found.desk, ada.to("gallery.create"), NEW)
        found.means.publisher.cover(None)
        assert wrong(checked(found, place)) == []
        with found.desk.store.engine.begin() as link:
            link.execute(text("UPDATE outbox SET place = place + 1000 WHERE number = 2"))
        says = " ".join(wrong(checked(found, place)))
        assert "1 events are in the log by the database" in says
        assert "older than the log" in says
        with found.desk.store.engine.begin() as link:
            link.execute(text("UPDATE outbox SET place = place - 999 WHERE number = 2"))
        assert "events are in the log by" in " ".join(wrong(checked(found, place)))
        with found.desk.store.engine.begin() as link:
            link.execute(text("UPDATE outbox SET place = place + 999 WHERE number = 2"))
        with found.desk.store.engine.begin() as link:
            link.execute(text("UPDATE outbox SET time_s = time_s + 1 WHERE number = 3"))
        assert "events are in the log by" in " ".join(wrong(checked(found, place)))
        with found.desk.store.engine.begin() as link:
            link.execute(text("UPDATE outbox SET time_s = time_s - 1 WHERE number = 3"))
            link.execute(text(
                "INSERT INTO case_events (number, case_id, at, kind, public, leaf) VALUES "
                "(1, 'c', '2026-11-23 09:00:00.000000', 'case-opened', '{}', 'ab')"
            ))  # fmt: skip
        assert "1 of 1 lines of cases are of no entry" in " ".join(wrong(checked(found, place)))
        with found.desk.store.engine.begin() as link:
            link.execute(text("UPDATE outbox SET place = place - 1000 WHERE number = 2"))
        import sqlite3

        with sqlite3.connect(place / "vault.sqlite") as vault:
            vault.execute("DELETE FROM openings WHERE kind = 'account-joined'")
        vault.close()
        assert "neither kept nor erased" in " ".join(wrong(checked(found, place)))


def test_keys_are_sealed_apart(place: Path, tmp_path: Path) -> None:
    from countenance.desk.folder import Places

    with pytest.raises(InputError, match="too short"):
        seal_keys(Places(place), tmp_path / "keys.json", passphrase="short")
    seal_keys(Places(place), tmp_path / "keys.json", passphrase=PASSPHRASE)
    with pytest.raises(InputError):
        seal_keys(Places(place), tmp_path / "keys.json", passphrase=PASSPHRASE)
    data = (tmp_path / "keys.json").read_bytes()
    assert (place / "keys" / "passphrase").read_bytes().strip() not in data
    other = Places(tmp_path / "other")
    with pytest.raises(IntegrityError, match="do not open"):
        unseal_keys(tmp_path / "keys.json", other, passphrase=PASSPHRASE + "!")
    assert not other.keys.exists()
    unseal_keys(tmp_path / "keys.json", other, passphrase=PASSPHRASE)
    for path in (place / "keys").iterdir():
        assert (other.keys / path.name).read_bytes() == path.read_bytes()
        assert (other.keys / path.name).stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="already"):
        unseal_keys(tmp_path / "keys.json", other, passphrase=PASSPHRASE)
    (tmp_path / "keys.json").write_bytes(data.replace(b"A", b"B", 1))
    with pytest.raises(CountenanceError):
        unseal_keys(tmp_path / "keys.json", Places(tmp_path / "third"), passphrase=PASSPHRASE)


def test_with_its_keys_a_backup_is_all_that_is_needed(place: Path, tmp_path: Path) -> None:
    from countenance.desk.folder import Places

    with opened(place) as found:
        first(found.desk)
        backed_up(found, place, tmp_path / "backup")
    seal_keys(Places(place), tmp_path / "keys.json", passphrase=PASSPHRASE)
    with pytest.raises(IntegrityError):
        restore(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys.json",
                passphrase="not the passphrase")  # fmt: skip
    restore(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys.json",
            passphrase=PASSPHRASE)  # fmt: skip
    with opened(tmp_path / "new", witness=True) as again:
        assert names(again) == {"Ada First"}


def soon(true: Callable[[], object], *, within_s: float = 20.0) -> None:
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)


def test_a_service_makes_its_own_backup_when_asked(place: Path, tmp_path: Path) -> None:
    """And what was made from it can search again: the files that it lacks are made anew."""
    target = tmp_path / "backup"
    with opened(place, background=True) as found:
        ada = first(found.desk)
        make_gallery(found.desk, ada.to("gallery.create"), NEW)
        folder(found.imports, [{}, {}])
        plan = imports.dry_run(
            found.desk, ada.to("gallery.import-plan"), "bookings", "batch", root=found.imports,
            keys=found.keys,
        )  # fmt: skip
        imports.begin_import(
            found.desk, ada.to("gallery.import"), "bookings", "batch", plan=plan,
            root=found.imports,
        )  # fmt: skip
        soon(lambda: list((place / "galleries").iterdir()))
        store = found.desk.store
        job = store.write(
            lambda db: enqueue(db, BACKUP, {"target": str(target)}, now=found.desk.now())
        )

        def state() -> JobState:
            with store.reading() as db:
                told = progress(db, job)
                assert told is not None
                return told.state

        soon(lambda: state() is JobState.DONE)
    new = with_keys(place, tmp_path / "new")
    restore(target, new)
    with opened(new, background=True, witness=True) as again:
        soon(lambda: list((new / "galleries").iterdir()))
        with again.desk.store.reading() as db:
            row = db.get_one(Job, job)
            assert row.state == JobState.CANCELLED


def test_a_restore_that_was_cut_off_says_so(place: Path) -> None:
    (place / "restoring").touch()
    with pytest.raises(InputError, match="not finished"), opened(place):
        pass


@pytest.mark.xdist_group("postgres")
def test_a_desk_on_postgresql_comes_back_into_another_database(
    server: str, tmp_path: Path
) -> None:
    def url() -> str:
        return new_database(server).replace("postgresql+psycopg:", "postgresql:")

    place, new = tmp_path / "desk", tmp_path / "new"
    database = url()
    make_deployment(place, name="Desk", origin="https://desk.example", database=database)
    stop = threading.Event()

    def work(found: Deployment, person: Any) -> None:
        while not stop.is_set():
            person.sign_in()
            person.step_up("account.invite")

    with opened(place, witness=True) as found:
        ada = first(found.desk)
        joined(ada, "Rita Request", Role.REQUESTER)
        thread = threading.Thread(target=work, args=(found, ada))
        thread.start()
        for number in range(3):
            found.means.publisher.cover(None)
            backed_up(found, place, tmp_path / f"backup{number}")
        stop.set()
        thread.join()
    with_keys(place, new)
    with pytest.raises(CountenanceError):  # the database is not empty
        restore(tmp_path / "backup2", new)
    said, other = (tmp_path / "backup2" / FILE).read_text(), url()
    (new / FILE).write_text(said.replace(database, other))
    with pytest.raises(OldLogError):  # and nothing was put into the database
        restore(tmp_path / "backup0", new)
    (new / FILE).write_text(said.replace(database, other))
    restore(tmp_path / "backup2", new)
    with opened(new, witness=True) as again:
        assert names(again) == {"Ada First", "Rita Request"}
        ada.desk = again.desk
        ada.sign_in()
        joined(ada, "Rosa Request", Role.REQUESTER)  # numbers go on where they were
        again.means.publisher.cover(None)
        assert wrong(checked(again, new)) == []
