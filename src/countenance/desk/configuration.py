"""What a deployment is meant to be: ``desk.toml``, read once when it starts, and checked whole.

Nothing in it can be changed from a page: what it says of the law, of audits and of devices binds
everybody who works at the desk, its administrators too. No secret stands in it.
"""

from __future__ import annotations

import datetime
import os
import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from countenance.core import CountenanceError, InputError
from countenance.desk.audits import AuditPolicy
from countenance.desk.facts import Owner, check_owner
from countenance.desk.folder import RESTORING, Places, check_address
from countenance.desk.passkeys import RelyingParty
from countenance.faces import engine_names
from countenance.law import Request, bundled
from countenance.record import Policy, make_policy, parse_vkey

FILE: Final = "desk.toml"
HERE: Final = "here"
"""What a policy calls the witness that runs beside the desk."""

_MOST_BYTES = 1 << 20
_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECRET = re.compile(r"(?:password|secret|client_key|server_key)=", re.IGNORECASE)
_SCHEMES = ("postgresql://", "postgres://")


class Audit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What an audit of the engine must show; see `audits.AuditPolicy`."""

    most_days: int = 365
    least_people: int = 30
    most_worst_fmr: float = 0.001
    most_ratio: float | None = None


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A model of authenticator that is taken: its AAGUID, and files of its maker's roots (PEM)."""

    aaguid: str
    roots: tuple[str, ...] = ()


class OtherWitness(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A witness that somebody else runs."""

    name: str
    key: str
    url: str


class Configuration(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"
):
    """One deployment's ``desk.toml``; the file that `making` writes explains each line.

    Attributes
    ----------
    folder
        Where it was read; paths in it are relative to this.
    """

    folder: Path = Path()
    name: str
    origins: tuple[str, ...]
    passkey_domain: str = ""
    listen: str = "127.0.0.1:8760"
    trusted_proxies: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...]
    policy: tuple[str, ...] = ()
    zone: str = "UTC"
    engine: str = "sface"
    contact: str = ""
    database: str = ""
    imports: str = "imports"
    background: bool = True
    local_witness: str = ""
    quorum: int = 1
    managed_devices: bool = False
    synced_passkeys: bool = False
    request_hours: int = 72
    approval_hours: int = 24
    audit: Audit = Audit()
    authenticator: tuple[Model, ...] = ()
    witness: tuple[OtherWitness, ...] = ()
    facts: dict[str, Any] = {}

    @property
    def places(self) -> Places:
        """Where its parts are."""
        return Places(self.folder)

    @property
    def is_sqlite(self) -> bool:
        """Whether one process has the deployment to itself."""
        return not self.database

    @property
    def database_url(self) -> str:
        """The database as `Store.open` takes it."""
        if self.is_sqlite:
            return f"sqlite:///{self.places.database}"
        return "postgresql+psycopg://" + self.database.partition("://")[2]

    @property
    def imports_root(self) -> Path:
        """The folder whose subfolders can be imported."""
        return self.folder / self.imports

    @property
    def time_zone(self) -> datetime.tzinfo:
        """The local time by which a day is read."""
        return zoneinfo.ZoneInfo(self.zone)

    @property
    def audit_policy(self) -> AuditPolicy:
        """What an audit must show."""
        audit = self.audit
        return AuditPolicy(
            most_days=audit.most_days, least_people=audit.least_people,
            most_worst_fmr=audit.most_worst_fmr, most_ratio=audit.most_ratio,
        )  # fmt: skip

    @property
    def party(self) -> RelyingParty:
        """For which site passkeys are made, and which are taken."""
        return RelyingParty(
            id=self.passkey_domain or urlsplit(self.origins[0]).hostname or "",
            name=self.name, origins=self.origins, synced=self.synced_passkeys,
            models={
                each.aaguid: tuple((self.folder / root).read_bytes() for root in each.roots)
                for each in self.authenticator
            },
        )  # fmt: skip

    @property
    def flat_facts(self) -> dict[str, Any]:
        """The house's facts by their dotted names."""
        return dict(_flattened(self.facts, ""))

    def witness_policy(self, log: str, here: str, *, public: bool) -> Policy:
        """Who must have signed a checkpoint.

        Parameters
        ----------
        log, here
            Verifier keys of the log, and of the witness beside the desk ("" for none).
        public
            For outsiders: with the log's address, so that a monitor needs no other, and without
            that of the witness beside the desk, which is of no use to them.
        """
        all_ = [(each.name, each.key, each.url) for each in self.witness]
        if here:
            all_.append((HERE, here, "" if public else f"http://{self.local_witness}"))
        policy = make_policy(logs=[log], witnesses=all_, k=self.quorum)
        if not public:
            return policy
        (trusted,) = policy.logs
        return replace(policy, logs=(replace(trusted, url=f"{self.origins[0]}/log"),))


def read_configuration(folder: Path, *, restoring: bool = False) -> Configuration:
    """Read and check the configuration of the deployment in a folder.

    `restoring`: also of one that is being put back from a backup.

    Raises
    ------
    InputError
        There is no deployment, or something in its configuration is not what it must be.
    """
    path = folder / FILE
    if not restoring and (folder / RESTORING).exists():
        raise InputError(
            "putting a desk back was begun here and not finished", where=str(folder),
            do="move all but keys/ and witness/ away, and restore again",
        )  # fmt: skip
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _absent(folder) from None
    except OSError as error:
        raise InputError(
            f"the configuration cannot be read ({error.strerror})", where=str(path)
        ) from error
    if len(data) > _MOST_BYTES:
        raise InputError("too long for a configuration", where=str(path))
    try:
        found = msgspec.convert(tomllib.loads(data.decode()), Configuration)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"this is not TOML: {error}", where=str(path), do="mend that line"
        ) from error
    except msgspec.ValidationError as error:
        raise InputError(
            str(error).replace("`$.", "`").replace("Object contains", "it contains"),
            where=str(path), do="docs/serving.md lists every entry",
        ) from error  # fmt: skip
    found = msgspec.structs.replace(found, folder=folder.absolute())
    for name, check in _CHECKS.items():
        try:
            check(found)
        except CountenanceError as error:
            inner = f", {error.where}" if error.where and error.where != name else ""
            raise InputError(
                error.what, where=f"{path}, {name}{inner}", expected=error.expected, do=error.do
            ) from error
    return found


def _absent(folder: Path) -> InputError:
    where = str(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return InputError("there is no desk here", where=where,
                          do=f"countenance serve {folder} makes one")  # fmt: skip
    if (folder / "keys").is_dir():
        if any((folder / name).exists() for name in ("desk.sqlite", "vault.sqlite", "log")):
            return InputError(
                f"{FILE} is gone, and the rest of a desk is here", where=where,
                do=f"put {FILE} back from a copy; do not make another desk in this folder",
            )  # fmt: skip
        return InputError(
            "a desk was begun here and not finished; it was never used", where=where,
            do="remove what is in the folder, and start again",
        )  # fmt: skip
    return InputError(
        "this folder holds other things than a desk", where=where, expected="an empty folder",
        do="choose another folder",
    )  # fmt: skip


def check_database(url: str) -> str:
    """A database's name as libpq has it, without a password. Raises InputError."""
    if not url.startswith(_SCHEMES):
        raise InputError("this names no PostgreSQL database", expected="postgresql://HOST/NAME")
    rest = url.partition("://")[2]
    if ":" in rest[: max(rest.rfind("@"), 0)] or _SECRET.search(unquote(rest)):
        raise InputError(
            "a password does not belong here", expected="postgresql://HOST/NAME",
            do="give it in PGPASSWORD, PGPASSFILE, ~/.pgpass or a service file",
        )  # fmt: skip
    return url


def _check_name(found: Configuration) -> None:
    if not 1 <= len(found.name) <= 120 or not found.name.isprintable():
        raise InputError("a deployment has a name", expected="1 to 120 characters")


def _check_party(found: Configuration) -> None:
    if not found.origins:
        raise InputError("where are the pages?", expected='origins = ["https://desk.example"]')
    try:
        party = found.party
    except OSError as error:
        raise InputError(
            f"a maker's root cannot be read ({error.strerror})", where=os.fspath(error.filename)
        ) from error
    except ValueError as error:
        raise InputError("a maker's root is no certificate", expected="a PEM file") from error
    bare = [model for model, roots in party.models.items() if not roots]
    if found.managed_devices and (not party.models or bare):
        raise InputError(
            "managed devices cannot be told from others",
            expected="managed-devices only with [[authenticator]] models that all have roots",
        )


def _check_places(found: Configuration) -> None:
    if not found.jurisdictions:
        raise InputError("a deployment is in some place", expected='["us/mi/detroit"], say')
    Request(jurisdictions=found.jurisdictions)


def _check_policy(found: Configuration) -> None:
    library = bundled()
    for each in found.policy:
        if each not in library:
            near = library.near(each)
            raise InputError(
                f"there is no rule pack {each!r}",
                do=f"is {near} meant?" if near else "countenance law list shows them",
            )


def _check_zone(found: Configuration) -> None:
    try:
        found.time_zone  # noqa: B018 - whether it can be had
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"{found.zone!r} is no time zone", expected="America/Detroit") from error


def _check_engine(found: Configuration) -> None:
    if found.engine not in engine_names():
        raise InputError(f"there is no engine {found.engine!r}",
                         expected=" or ".join(engine_names()))  # fmt: skip


def _check_listen(found: Configuration) -> None:
    check_address(found.listen)
    if found.local_witness:
        check_address(found.local_witness)


def _check_database(found: Configuration) -> None:
    if found.database:
        check_database(found.database)


def _check_witnesses(found: Configuration) -> None:
    names = [each.name for each in found.witness]
    for each in found.witness:
        if not _WORD.fullmatch(each.name) or each.name == HERE or names.count(each.name) > 1:
            raise InputError(f"{each.name!r} cannot be a witness's name here",
                             expected="one word, not twice, not 'here'")  # fmt: skip
        parse_vkey(each.key)
        if urlsplit(each.url).scheme not in ("http", "https"):
            raise InputError(f"the witness {each.name} has no address", expected="https://…")
    there = len(names) + bool(found.local_witness)
    if not 1 <= found.quorum <= there:
        raise InputError(
            f"a quorum of {found.quorum} among {there} witnesses",
            expected="at least one, and at most as many as there are: without a witness "
            "nothing would be sealed before it is shown",
        )


def _check_hours(found: Configuration) -> None:
    if not (1 <= found.request_hours <= 24 * 365 and 1 <= found.approval_hours <= 24 * 365):
        raise InputError("hours that are none", expected="1 to 8760")


def _check_audit(found: Configuration) -> None:
    audit = found.audit
    if not (audit.most_days >= 1 and audit.least_people >= 1 and 0 < audit.most_worst_fmr <= 1):
        raise InputError(
            "a policy that nothing can meet, or everything",
            expected="days and people from 1 up, a rate above 0 and up to 1",
        )
    if audit.most_ratio is not None and not audit.most_ratio >= 1:
        raise InputError("a ratio of rates is at least 1", expected="most-ratio from 1 up")


def _check_facts(found: Configuration) -> None:
    facts = found.flat_facts
    check_owner(facts, Owner.HOUSE)
    Request(facts=facts)


_CHECKS = {
    "name": _check_name, "origins, authenticator": _check_party, "jurisdictions": _check_places,
    "policy": _check_policy, "zone": _check_zone, "engine": _check_engine,
    "listen": _check_listen, "database": _check_database, "witness": _check_witnesses,
    "hours": _check_hours, "audit": _check_audit, "facts": _check_facts,
}  # fmt: skip


def _flattened(facts: Mapping[str, Any], above: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            found += _flattened(value, f"{above}{name}.")
        else:
            found.append((above + name, value))
    return found
