"""An event in, a proof out: a transparency log that nobody can quietly edit.

What lives here: the log (`Log` on a `FolderStorage` or in a `PostgresStorage`), its signed
checkpoints and keys, what an entry may say (`kinds`) and how its personal fields are sealed
(`seal`, `SQLiteVault`), witnesses and the panel that asks them (`Witness`, `WitnessPanel`), the
monitor that reads everything (`Monitor`), and offline proofs (`verify_proof`). It knows nothing
of faces and could serve any accountable system. Start with `log`, then docs/record.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from countenance.record.asynclog import AsyncLog
    from countenance.record.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
    from countenance.record.commitments import Opening, Sealed, parse_opening, seal, verify_opening
    from countenance.record.cosignature import (
        Ed25519Cosigner,
        MLDSA44Cosigner,
        cosign,
        time_findings,
    )
    from countenance.record.counts import PublicCounts, count_public
    from countenance.record.entries import Entry, EventKind, Field, make_entry, parse_entry
    from countenance.record.erasure import erase_events, tell_erasures
    from countenance.record.errors import (
        ConflictError,
        RecordError,
        StorageError,
        VerificationError,
    )
    from countenance.record.evidence import Evidence, parse_evidence, verify_evidence
    from countenance.record.folder import FolderStorage
    from countenance.record.keys import KeyKind, generate_key, load_signer, open_key, read_vkey
    from countenance.record.kinds import KINDS
    from countenance.record.log import Log
    from countenance.record.merkle import (
        EMPTY_ROOT,
        consistency_proof,
        inclusion_proof,
        leaf_hash,
        node_hash,
        verify_consistency,
        verify_inclusion,
    )
    from countenance.record.monitor import FollowedLog, Monitor, Place
    from countenance.record.monitor_report import MonitorReport
    from countenance.record.note import Note, Signer, Verifier, open_note, parse_vkey, sign_note
    from countenance.record.policy import Policy, make_policy
    from countenance.record.postgres import PostgresStorage
    from countenance.record.proof import Proof, parse_proof, verify_proof
    from countenance.record.remote import HttpStorage
    from countenance.record.rotation import follow_rotation, parse_rotation, rotation_entry
    from countenance.record.tiles import read_bundle
    from countenance.record.timestamp import (
        TimestampAuthority,
        request_timestamp,
        verify_timestamp,
    )
    from countenance.record.vault import SQLiteVault, Vault, append_events
    from countenance.record.verifylog import verify_log
    from countenance.record.witness import Witness, WitnessedLog
    from countenance.record.witness_client import QuorumError, WitnessPanel
    from countenance.record.witness_server import WitnessServer
    from countenance.record.witness_store import WitnessStore

_HOMES = {
    "asynclog": ("AsyncLog",),
    "checkpoint": (
        "Checkpoint",
        "open_checkpoint",
        "parse_checkpoint",
    ),
    "commitments": (
        "Opening",
        "Sealed",
        "parse_opening",
        "seal",
        "verify_opening",
    ),
    "cosignature": (
        "Ed25519Cosigner",
        "MLDSA44Cosigner",
        "cosign",
        "time_findings",
    ),
    "counts": (
        "PublicCounts",
        "count_public",
    ),
    "entries": (
        "Entry",
        "EventKind",
        "Field",
        "make_entry",
        "parse_entry",
    ),
    "erasure": (
        "erase_events",
        "tell_erasures",
    ),
    "errors": (
        "ConflictError",
        "RecordError",
        "StorageError",
        "VerificationError",
    ),
    "evidence": (
        "Evidence",
        "parse_evidence",
        "verify_evidence",
    ),
    "folder": ("FolderStorage",),
    "keys": (
        "KeyKind",
        "generate_key",
        "load_signer",
        "open_key",
        "read_vkey",
    ),
    "kinds": ("KINDS",),
    "log": ("Log",),
    "merkle": (
        "EMPTY_ROOT",
        "consistency_proof",
        "inclusion_proof",
        "leaf_hash",
        "node_hash",
        "verify_consistency",
        "verify_inclusion",
    ),
    "monitor": (
        "FollowedLog",
        "Monitor",
        "Place",
    ),
    "monitor_report": ("MonitorReport",),
    "note": (
        "Note",
        "Signer",
        "Verifier",
        "open_note",
        "parse_vkey",
        "sign_note",
    ),
    "policy": (
        "Policy",
        "make_policy",
    ),
    "postgres": ("PostgresStorage",),
    "proof": (
        "Proof",
        "parse_proof",
        "verify_proof",
    ),
    "remote": ("HttpStorage",),
    "rotation": (
        "follow_rotation",
        "parse_rotation",
        "rotation_entry",
    ),
    "tiles": ("read_bundle",),
    "timestamp": (
        "TimestampAuthority",
        "request_timestamp",
        "verify_timestamp",
    ),
    "vault": (
        "SQLiteVault",
        "Vault",
        "append_events",
    ),
    "verifylog": ("verify_log",),
    "witness": (
        "Witness",
        "WitnessedLog",
    ),
    "witness_client": (
        "QuorumError",
        "WitnessPanel",
    ),
    "witness_server": ("WitnessServer",),
    "witness_store": ("WitnessStore",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "EMPTY_ROOT",
    "KINDS",
    "AsyncLog",
    "Checkpoint",
    "ConflictError",
    "Ed25519Cosigner",
    "Entry",
    "EventKind",
    "Evidence",
    "Field",
    "FolderStorage",
    "FollowedLog",
    "HttpStorage",
    "KeyKind",
    "Log",
    "MLDSA44Cosigner",
    "Monitor",
    "MonitorReport",
    "Note",
    "Opening",
    "Place",
    "Policy",
    "PostgresStorage",
    "Proof",
    "PublicCounts",
    "QuorumError",
    "RecordError",
    "SQLiteVault",
    "Sealed",
    "Signer",
    "StorageError",
    "TimestampAuthority",
    "Vault",
    "VerificationError",
    "Verifier",
    "Witness",
    "WitnessPanel",
    "WitnessServer",
    "WitnessStore",
    "WitnessedLog",
    "append_events",
    "consistency_proof",
    "cosign",
    "count_public",
    "erase_events",
    "follow_rotation",
    "generate_key",
    "inclusion_proof",
    "leaf_hash",
    "load_signer",
    "make_entry",
    "make_policy",
    "node_hash",
    "open_checkpoint",
    "open_key",
    "open_note",
    "parse_checkpoint",
    "parse_entry",
    "parse_evidence",
    "parse_opening",
    "parse_proof",
    "parse_rotation",
    "parse_vkey",
    "read_bundle",
    "read_vkey",
    "request_timestamp",
    "rotation_entry",
    "seal",
    "sign_note",
    "tell_erasures",
    "time_findings",
    "verify_consistency",
    "verify_evidence",
    "verify_inclusion",
    "verify_log",
    "verify_opening",
    "verify_proof",
    "verify_timestamp",
]


def __getattr__(name: str) -> Any:
    """Import a name's module when the name is first used, so that ``--help`` stays quick."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"countenance.record.{_MODULE_OF[name]}"), name)
