"""What the log says of accounts: that something changed and of what sort, never whose it is."""

from __future__ import annotations

from typing import Final

from countenance.record import EventKind, Field

_CODE = Field("code")
_CODES = Field("codes")
_FLAG = Field("flag")
_COUNT = Field("count")
_TIME = Field("time")

KINDS: Final[tuple[EventKind, ...]] = (
    EventKind(
        "account-invited", 1, "somebody was given a one-time code to join with",
        {"roles": _CODES, "why": Field("code", ("first", "joining", "replacement"))},
        ("invitation", "name", "author"),
    ),
    EventKind(
        "invitation-closed", 1, "a one-time code can no longer be used",
        {"why": Field("code", ("expired", "guessed-at", "overtaken", "withdrawn"))},
        ("invitation", "author"),
    ),
    EventKind(
        "account-joined", 1, "somebody used their code: an account exists",
        {"roles": _CODES}, ("account", "invitation", "name"),
    ),
    EventKind(
        "account-changed", 1, "an account was suspended, restored, closed or flagged",
        {"change": Field("code", ("closed", "flagged", "restored", "suspended"))},
        ("account", "author", "grounds"),
    ),
    EventKind(
        "passkey-changed", 1, "a passkey was added, revoked, or is no longer believed",
        {
            "change": Field("code", ("added", "doubted", "revoked")),
            "model": _CODE,  # the AAGUID: which model of authenticator
            "attested": _FLAG,  # its maker's certificate says so, not only the browser
        },
        ("account", "passkey", "author", "grounds"),
    ),
    EventKind("signed-in", 1, "somebody signed in", {}, ("account", "passkey", "session")),
    EventKind(
        "stepped-up", 1, "a passkey was asked for again, for one action",
        {"action": _CODE}, ("account", "passkey", "session"),
    ),
    EventKind(
        "session-ended", 1, "somebody signed out, or was signed out",
        {"why": Field("code", ("left", "replaced"))}, ("account", "session"),
    ),
    EventKind(
        "sign-ins-refused", 1, "how often somebody was refused within an hour, and why",
        {"reason": _CODE, "refused": _COUNT, "since": _TIME},
    ),
    EventKind(
        "two-administrators", 1, "what needs two administrators was asked for, or decided",
        {
            "what": Field("code", ("close", "invite", "replace-passkey", "roles")),
            "state": Field("code", ("confirmed", "expired", "open", "refused", "withdrawn")),
        },
        ("request", "account", "name", "author", "grounds"),
    ),
    EventKind(
        "trusted-alone", 1, "one administrator alone gave somebody a role that others are kept "
        "apart by: a code for it, or the role itself",
        {"roles": _CODES, "administrators": _COUNT},  # how many there were, who gave it included
        ("account", "invitation", "author"),
    ),
    EventKind(
        "training-recorded", 1, "somebody's training was recorded or withdrawn",
        {
            "training": _CODE,
            "change": Field("code", ("recorded", "withdrawn")),
            "until": _TIME,
        },
        ("account", "author", "evidence"),
    ),
)  # fmt: skip
"""The kinds of event that accounts, passkeys, sessions and training leave."""
