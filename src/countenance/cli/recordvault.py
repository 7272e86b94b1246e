"""`countenance record open` and `erase`: sealed values to one reader, or to nobody for good.

Both leave an entry of their own: an opening before it is handed out, an erasure once it is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countenance.cli.recordfolder import (
    Folder,
    Index,
    PassphraseFile,
    Record,
    now_s,
    passphrase,
    write_file,
    wrong,
)

if TYPE_CHECKING:
    from countenance.record.commitments import Sealed

Basis = Annotated[
    str,
    typer.Option("--basis", metavar="CODE", help="On what basis, as court-order; it is logged."),
]


def open_field(
    folder: Folder,
    index: Index,
    field: Annotated[
        str, typer.Argument(metavar="FIELD", help="The sealed field, as case.", show_default=False)
    ],
    basis: Basis,
    reader: Annotated[
        str | None, typer.Option("--reader", metavar="NAME", help="To whom; it is logged sealed.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to (default: INDEX-FIELD.json)."),
    ] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Open one sealed field of one entry to one reader, and log that before it is written.

    The reader checks it with `countenance verify PROOF --policy FILE --opening FILE`.
    """
    from countenance.record.commitments import Opening
    from countenance.record.entries import parse_entry
    from countenance.record.vault import Erased, append_events

    here = Record(folder).need()
    path = out or Path(f"{index}-{field}.json")
    if path.is_dir() or not path.parent.is_dir():  # known before the log says it was handed out
        raise wrong("no file can be written there", where=str(path), expected="--out FILE")
    signer = here.signer(passphrase(passphrase_file))
    with here.open_log(signer) as log, here.open_vault() as vault:
        if index >= log.size:
            known = f"0 to {log.size - 1:,}" if log.size else "nothing: the log is empty"
            raise wrong(f"there is no entry {index}", where=str(folder), expected=known)
        entry = parse_entry(log.entry(index))
        if field not in entry.sealed:
            names = ", ".join(sorted(entry.sealed)) or "none"
            raise wrong(f"{entry.kind} has no sealed field {field}", expected=names)
        found = vault.find(entry.sealed[field])
        if isinstance(found, Erased):
            raise wrong("the field was erased: nobody can open it any more", where=field)
        if not isinstance(found, Opening):
            raise wrong("the vault does not hold this field", where=str(here.vault))
        event = _event(
            "opened", basis, fields=1, private={"reader": reader, "entries": [[index, field]]}
        )
        logged = append_events(log, vault, [event])
    write_file(path, found.to_bytes(), private=True)
    typer.echo(f"{path}; logged as entry {logged.start}")


def erase(
    folder: Folder,
    handle: Annotated[
        str,
        typer.Argument(metavar="HANDLE", help="As given to --about.", show_default=False),
    ],
    basis: Basis,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Erase the salts and values kept under a handle, for good, and log how many there were.

    The log still verifies; what its commitments were of, nobody can tell any more. Copies and
    backups of the vault are yours to expire. What fails in between is finished by the same
    command again, or by the next erasure.
    """
    from countenance.record.erasure import erase_events

    here = Record(folder).need()
    signer = here.signer(passphrase(passphrase_file))
    with here.open_log(signer) as log, here.open_vault() as vault:
        told = erase_events(
            log,
            vault,
            about=handle,
            event=lambda fields: _event("erased", basis, fields=fields, private={}),
        )
    if not told:
        raise wrong(
            "nothing is kept under this handle",
            where=handle,
            expected="a handle that was given to `countenance record append --about`",
        )
    for each in told:
        typer.echo(f"{each.fields} fields erased; logged as entry {each.index}")


def _event(name: str, basis: str, *, fields: int, private: dict[str, Any]) -> Sealed:
    from countenance.record.commitments import seal
    from countenance.record.kinds import KINDS

    public = {"fields": fields, "basis": basis}
    return seal(KINDS[name][-1], time_s=now_s(), public=public, private=private)
