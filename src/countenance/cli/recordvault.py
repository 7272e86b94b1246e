"""`countenance record open` and `erase`: sealed values to one reader, or to nobody for good.

Both leave an entry of their own: an opening before it is handed out, an erasure once it is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countenance.cli.recordfolder import Folder, PassphraseFile, Record, now_s, wrong

if TYPE_CHECKING:
    from countenance.record.commitments import Sealed

Basis = Annotated[
    str,
    typer.Option("--basis", metavar="CODE", help="On what basis, as court-order; it is logged."),
]


def open_field(
    folder: Folder,
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, show_default=False)],
    field: Annotated[str, typer.Argument(metavar="FIELD", show_default=False)],
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
    from countenance.core import atomic_write
    from countenance.record.commitments import Opening
    from countenance.record.entries import parse_entry
    from countenance.record.vault import Erased, append_events

    here = Record(folder).need()
    with here.open_log(passphrase_file) as log, here.open_vault() as vault:
        if index >= log.size:
            raise wrong(f"there is no entry {index}", expected=f"0 to {log.size - 1}")
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
    path = out or Path(f"{index}-{field}.json")
    with atomic_write(path) as file:
        file.write(found.to_bytes())
    path.chmod(0o600)
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
    backups of the vault are yours to expire.
    """
    from countenance.record.vault import append_events

    here = Record(folder).need()
    with here.open_log(passphrase_file) as log, here.open_vault() as vault:
        count = vault.erase_about(handle)
        if not count:
            raise wrong("nothing is kept under this handle", where=handle)
        logged = append_events(log, vault, [_event("erased", basis, fields=count, private={})])
    typer.echo(f"{count} fields erased; logged as entry {logged.start}")


def _event(name: str, basis: str, *, fields: int, private: dict[str, Any]) -> Sealed:
    from countenance.record.commitments import seal
    from countenance.record.kinds import KINDS

    public = {"fields": fields, "basis": basis}
    return seal(KINDS[name][-1], time_s=now_s(), public=public, private=private)
