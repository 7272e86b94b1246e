"""All tables of the first release; and the desk stands, until somebody stands it down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("handle", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("flagged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("handle", name=op.f("uq_accounts_handle")),
    )
    op.create_table(
        "audits",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("operational", sa.Boolean(), nullable=False),
        sa.Column("accepted_by", sa.String(length=32), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audits")),
    )
    op.create_index(op.f("ix_audits_engine"), "audits", ["engine"], unique=False)
    op.create_index(
        "ux_audits_accepted",
        "audits",
        ["engine"],
        unique=True,
        sqlite_where=sa.text("state = 'accepted'"),
        postgresql_where=sa.text("state = 'accepted'"),
    )
    op.create_table(
        "case_events",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("leaf", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_case_events")),
    )
    op.create_index(op.f("ix_case_events_case_id"), "case_events", ["case_id"], unique=False)
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened_by", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("number", name=op.f("uq_cases_number")),
    )
    op.create_index(op.f("ix_cases_opened_by"), "cases", ["opened_by"], unique=False)
    op.create_table(
        "challenges",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("bound_to", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenges")),
    )
    op.create_index(op.f("ix_challenges_made_at"), "challenges", ["made_at"], unique=False)
    op.create_table(
        "data_keys",
        sa.Column("about", sa.String(length=64), nullable=False),
        sa.Column("master", sa.String(length=16), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("about", name=op.f("pk_data_keys")),
    )
    op.create_table(
        "galleries",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("sources", sa.String(length=1000), nullable=False),
        sa.Column("basis", sa.String(length=500), nullable=False),
        sa.Column("purpose", sa.String(length=500), nullable=False),
        sa.Column("keep_days", sa.Integer(), nullable=False),
        sa.Column("notice", sa.Boolean(), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("engine_name", sa.String(length=64), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_galleries")),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=True),
        sa.Column("gallery", sa.String(length=64), nullable=True),
        sa.Column("lead", sa.String(length=32), nullable=True),
        sa.Column("approved_by", sa.String(length=32), nullable=True),
        sa.Column("opened_by", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.String(length=32), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finding", sa.String(length=32), nullable=True),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("closing_box", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_state"), "incidents", ["state"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("locator", sa.String(length=8), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("roles", sa.String(length=120), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=True),
        sa.Column("handle", sa.LargeBinary(), nullable=False),
        sa.Column("others", sa.Integer(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("locator", name=op.f("uq_invitations_locator")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=64), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_jobs_key")),
    )
    op.create_index(op.f("ix_jobs_not_before"), "jobs", ["not_before"], unique=False)
    op.create_table(
        "joint_requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("had", sa.String(length=120), nullable=False),
        sa.Column("roles", sa.String(length=120), nullable=False),
        sa.Column("grounds", sa.String(length=2000), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_requests")),
    )
    op.create_table(
        "known_answers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("truth_box", sa.LargeBinary(), nullable=False),
        sa.Column("probe_box", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_answers")),
    )
    op.create_table(
        "outbox",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("openings", sa.Text(), nullable=True),
        sa.Column("about", sa.String(length=64), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("time_s", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_place"), "outbox", ["place"], unique=False)
    op.create_table(
        "outside_asks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("runner", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=32), nullable=True),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outside_asks")),
    )
    op.create_index(op.f("ix_outside_asks_by"), "outside_asks", ["by"], unique=False)
    op.create_index(op.f("ix_outside_asks_case_id"), "outside_asks", ["case_id"], unique=False)
    op.create_table(
        "refused_sign_ins",
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("since", "reason", name=op.f("pk_refused_sign_ins")),
    )
    op.create_table(
        "searches",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("request", sa.String(length=32), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("requester", sa.String(length=32), nullable=False),
        sa.Column("approver", sa.String(length=32), nullable=False),
        sa.Column("place", sa.String(length=8), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("audit", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=False),
        sa.Column("gallery", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("box", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("candidates", sa.Integer(), nullable=True),
        sa.Column("entry", sa.Integer(), nullable=True),
        sa.Column("checkpoint", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_searches")),
        sa.UniqueConstraint("request", name=op.f("uq_searches_request")),
    )
    op.create_index(op.f("ix_searches_case_id"), "searches", ["case_id"], unique=False)
    op.create_index(op.f("ix_searches_requester"), "searches", ["requester"], unique=False)
    op.create_index(op.f("ix_searches_state"), "searches", ["state"], unique=False)
    op.create_table(
        "settings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=False),
        sa.Column("threshold_text", sa.String(length=32), nullable=False),
        sa.Column("list_length", sa.Integer(), nullable=False),
        sa.Column("audit", sa.String(length=64), nullable=False),
        sa.Column("before", sa.String(length=32), nullable=True),
        sa.Column("consequences", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("proposed_by", sa.String(length=32), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settings")),
    )
    op.create_index(op.f("ix_settings_engine"), "settings", ["engine"], unique=False)
    op.create_index(
        "ux_settings_in_force",
        "settings",
        ["engine"],
        unique=True,
        sqlite_where=sa.text("state = 'in-force'"),
        postgresql_where=sa.text("state = 'in-force'"),
    )
    op.create_table(
        "standing",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("down_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_standing")),
    )
    op.create_table(
        "standing_switches",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(length=32), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_switches")),
    )
    op.create_index(
        op.f("ix_standing_switches_state"), "standing_switches", ["state"], unique=False
    )
    op.create_table(
        "account_roles",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=op.f("fk_account_roles_account_accounts")
        ),
        sa.PrimaryKeyConstraint("account", "role", name=op.f("pk_account_roles")),
    )
    op.create_table(
        "case_versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_versions_case_id_cases")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_versions")),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_case_versions_case_id_number")),
    )
    op.create_index(op.f("ix_case_versions_case_id"), "case_versions", ["case_id"], unique=False)
    op.create_table(
        "gallery_imports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("gallery", sa.String(length=64), nullable=False),
        sa.Column("folder", sa.String(length=1000), nullable=False),
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["gallery"], ["galleries.code"], name=op.f("fk_gallery_imports_gallery_galleries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gallery_imports")),
    )
    op.create_table(
        "gallery_people",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("gallery", sa.String(length=64), nullable=False),
        sa.Column("mark", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["gallery"], ["galleries.code"], name=op.f("fk_gallery_people_gallery_galleries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gallery_people")),
        sa.UniqueConstraint("gallery", "mark", name=op.f("uq_gallery_people_gallery_mark")),
    )
    op.create_index(op.f("ix_gallery_people_gallery"), "gallery_people", ["gallery"], unique=False)
    op.create_table(
        "known_pictures",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("known", sa.String(length=32), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["known"], ["known_answers.id"], name=op.f("fk_known_pictures_known_known_answers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_pictures")),
    )
    op.create_index(op.f("ix_known_pictures_known"), "known_pictures", ["known"], unique=False)
    op.create_table(
        "known_results",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("known", sa.String(length=32), nullable=False),
        sa.Column("examiner", sa.String(length=32), nullable=False),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["known"], ["known_answers.id"], name=op.f("fk_known_results_known_known_answers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_results")),
        sa.UniqueConstraint("known", "examiner", name=op.f("uq_known_results_known_examiner")),
    )
    op.create_index(op.f("ix_known_results_examiner"), "known_results", ["examiner"], unique=False)
    op.create_table(
        "narrative_prints",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("print", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_narrative_prints_case_id_cases")
        ),
        sa.PrimaryKeyConstraint("case_id", "print", name=op.f("pk_narrative_prints")),
    )
    op.create_index(op.f("ix_narrative_prints_print"), "narrative_prints", ["print"], unique=False)
    op.create_table(
        "outside_results",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("ask", sa.String(length=32), nullable=True),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("runner", sa.String(length=32), nullable=False),
        sa.Column("unsolicited", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(length=32), nullable=True),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("source_box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ask"], ["outside_asks.id"], name=op.f("fk_outside_results_ask_outside_asks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outside_results")),
    )
    op.create_index(op.f("ix_outside_results_ask"), "outside_results", ["ask"], unique=False)
    op.create_index(op.f("ix_outside_results_by"), "outside_results", ["by"], unique=False)
    op.create_index(
        op.f("ix_outside_results_case_id"), "outside_results", ["case_id"], unique=False
    )
    op.create_index(op.f("ix_outside_results_state"), "outside_results", ["state"], unique=False)
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(length=36), nullable=False),
        sa.Column("attested", sa.Boolean(), nullable=False),
        sa.Column("backup_eligible", sa.Boolean(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=op.f("fk_passkeys_account_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential", name=op.f("uq_passkeys_credential")),
    )
    op.create_index(op.f("ix_passkeys_account"), "passkeys", ["account"], unique=False)
    op.create_table(
        "probes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sort", sa.String(length=32), nullable=False),
        sa.Column("shows", sa.String(length=32), nullable=False),
        sa.Column("known_by", sa.String(length=32), nullable=False),
        sa.Column("provenance", sa.LargeBinary(), nullable=False),
        sa.Column("original", sa.String(length=64), nullable=False),
        sa.Column("image", sa.String(length=64), nullable=False),
        sa.Column("uploaded_by", sa.String(length=32), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_by", sa.String(length=32), nullable=True),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("judgement", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_probes_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probes")),
    )
    op.create_index(op.f("ix_probes_case_id"), "probes", ["case_id"], unique=False)
    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("requester", sa.String(length=32), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("same", sa.String(length=64), nullable=False),
        sa.Column("frozen", sa.LargeBinary(), nullable=False),
        sa.Column("decision", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_requests_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
        sa.UniqueConstraint("digest", name=op.f("uq_requests_digest")),
    )
    op.create_index(op.f("ix_requests_case_id"), "requests", ["case_id"], unique=False)
    op.create_index(op.f("ix_requests_same"), "requests", ["same"], unique=False)
    op.create_index(op.f("ix_requests_state"), "requests", ["state"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("search", sa.String(length=32), nullable=True),
        sa.Column("known", sa.String(length=32), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["known"], ["known_answers.id"], name=op.f("fk_reviews_known_known_answers")
        ),
        sa.ForeignKeyConstraint(
            ["search"], ["searches.id"], name=op.f("fk_reviews_search_searches")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("search", name=op.f("uq_reviews_search")),
    )
    op.create_index(op.f("ix_reviews_known"), "reviews", ["known"], unique=False)
    op.create_index(op.f("ix_reviews_state"), "reviews", ["state"], unique=False)
    op.create_table(
        "training",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.String(length=2000), nullable=False),
        sa.Column("recorded_by", sa.String(length=32), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=op.f("fk_training_account_accounts")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_training")),
    )
    op.create_index(op.f("ix_training_account"), "training", ["account"], unique=False)
    op.create_table(
        "approvals",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("approver", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("authenticator_data", sa.LargeBinary(), nullable=False),
        sa.Column("client_data_json", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name=op.f("fk_approvals_request_id_requests")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_approvals")),
    )
    op.create_table(
        "examinations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("review", sa.String(length=32), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("examiner", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notes_box", sa.LargeBinary(), nullable=True),
        sa.Column("findings_box", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["review"], ["reviews.id"], name=op.f("fk_examinations_review_reviews")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_examinations")),
        sa.UniqueConstraint("review", "examiner", name=op.f("uq_examinations_review_examiner")),
        sa.UniqueConstraint("review", "seat", name=op.f("uq_examinations_review_seat")),
    )
    op.create_index(op.f("ix_examinations_examiner"), "examinations", ["examiner"], unique=False)
    op.create_table(
        "gallery_entries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("gallery", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("disposition", sa.String(length=64), nullable=False),
        sa.Column("captured_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("image_mark", sa.String(length=32), nullable=True),
        sa.Column("image_box", sa.LargeBinary(), nullable=True),
        sa.Column("about_box", sa.LargeBinary(), nullable=True),
        sa.Column("template_box", sa.LargeBinary(), nullable=True),
        sa.Column("row_key_box", sa.LargeBinary(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("imported", sa.String(length=32), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("swept", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gallery"], ["galleries.code"], name=op.f("fk_gallery_entries_gallery_galleries")
        ),
        sa.ForeignKeyConstraint(
            ["person"],
            ["gallery_people.id"],
            name=op.f("fk_gallery_entries_person_gallery_people"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gallery_entries")),
        sa.UniqueConstraint(
            "gallery", "image_mark", name=op.f("uq_gallery_entries_gallery_image_mark")
        ),
    )
    op.create_index(
        op.f("ix_gallery_entries_expires_on"), "gallery_entries", ["expires_on"], unique=False
    )
    op.create_index(
        op.f("ix_gallery_entries_gallery"), "gallery_entries", ["gallery"], unique=False
    )
    op.create_index(
        op.f("ix_gallery_entries_imported"), "gallery_entries", ["imported"], unique=False
    )
    op.create_index(op.f("ix_gallery_entries_person"), "gallery_entries", ["person"], unique=False)
    op.create_index(op.f("ix_gallery_entries_state"), "gallery_entries", ["state"], unique=False)
    op.create_table(
        "gallery_import_rows",
        sa.Column("of", sa.String(length=32), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["of"], ["gallery_imports.id"], name=op.f("fk_gallery_import_rows_of_gallery_imports")
        ),
        sa.PrimaryKeyConstraint("of", "row", name=op.f("pk_gallery_import_rows")),
    )
    op.create_table(
        "leads",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("search", sa.String(length=32), nullable=False),
        sa.Column("review", sa.String(length=32), nullable=False),
        sa.Column("requester", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("supervised_by", sa.String(length=32), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=48), nullable=True),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("checklist_box", sa.LargeBinary(), nullable=True),
        sa.Column("text_box", sa.LargeBinary(), nullable=True),
        sa.Column("outcome_box", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["review"], ["reviews.id"], name=op.f("fk_leads_review_reviews")),
        sa.ForeignKeyConstraint(
            ["search"], ["searches.id"], name=op.f("fk_leads_search_searches")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
        sa.UniqueConstraint("review", name=op.f("uq_leads_review")),
    )
    op.create_index(op.f("ix_leads_due_at"), "leads", ["due_at"], unique=False)
    op.create_index(op.f("ix_leads_requester"), "leads", ["requester"], unique=False)
    op.create_index(op.f("ix_leads_search"), "leads", ["search"], unique=False)
    op.create_index(op.f("ix_leads_state"), "leads", ["state"], unique=False)
    op.create_table(
        "probe_edits",
        sa.Column("probe_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=False),
        sa.Column("after", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=32), nullable=False),
        sa.Column("substantial", sa.Boolean(), nullable=False),
        sa.Column("made_here", sa.Boolean(), nullable=False),
        sa.Column("operator", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["probe_id"], ["probes.id"], name=op.f("fk_probe_edits_probe_id_probes")
        ),
        sa.PrimaryKeyConstraint("probe_id", "number", name=op.f("pk_probe_edits")),
    )
    op.create_table(
        "probe_images",
        sa.Column("probe_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["probe_id"], ["probes.id"], name=op.f("fk_probe_images_probe_id_probes")
        ),
        sa.PrimaryKeyConstraint("probe_id", "number", name=op.f("pk_probe_images")),
        sa.UniqueConstraint("probe_id", "sha256", name=op.f("uq_probe_images_probe_id_sha256")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("passkey", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stepped_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stepped_up_for", sa.String(length=64), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=op.f("fk_sessions_account_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["passkey"], ["passkeys.id"], name=op.f("fk_sessions_passkey_passkeys")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_account"), "sessions", ["account"], unique=False)
    op.create_index(op.f("ix_sessions_passkey"), "sessions", ["passkey"], unique=False)
    op.create_table(
        "approval_signatures",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("passkey", sa.String(length=32), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("authenticator_data", sa.LargeBinary(), nullable=False),
        sa.Column("client_data_json", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=op.f("fk_approval_signatures_account_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["passkey"], ["passkeys.id"], name=op.f("fk_approval_signatures_passkey_passkeys")
        ),
        sa.ForeignKeyConstraint(
            ["session"], ["sessions.id"], name=op.f("fk_approval_signatures_session_sessions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_signatures")),
        sa.UniqueConstraint(
            "passkey", "digest", name=op.f("uq_approval_signatures_passkey_digest")
        ),
    )
    op.create_index(
        op.f("ix_approval_signatures_account"), "approval_signatures", ["account"], unique=False
    )
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("lead", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("relation", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["lead"], ["leads.id"], name=op.f("fk_evidence_lead_leads")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("lead", "number", name=op.f("uq_evidence_lead_number")),
    )
    op.create_index(op.f("ix_evidence_lead"), "evidence", ["lead"], unique=False)
    op.create_table(
        "evidence_sources",
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["item"], ["evidence.id"], name=op.f("fk_evidence_sources_item_evidence")
        ),
        sa.ForeignKeyConstraint(
            ["source"], ["evidence.id"], name=op.f("fk_evidence_sources_source_evidence")
        ),
        sa.PrimaryKeyConstraint("item", "source", name=op.f("pk_evidence_sources")),
    )
    op.execute("INSERT INTO standing (number) VALUES (1)")


def downgrade() -> None:
    """Back to an empty database."""
    op.drop_table("evidence_sources")
    op.drop_index(op.f("ix_evidence_lead"), table_name="evidence")
    op.drop_table("evidence")
    op.drop_index(op.f("ix_approval_signatures_account"), table_name="approval_signatures")
    op.drop_table("approval_signatures")
    op.drop_index(op.f("ix_sessions_passkey"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_account"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("probe_images")
    op.drop_table("probe_edits")
    op.drop_index(op.f("ix_leads_state"), table_name="leads")
    op.drop_index(op.f("ix_leads_search"), table_name="leads")
    op.drop_index(op.f("ix_leads_requester"), table_name="leads")
    op.drop_index(op.f("ix_leads_due_at"), table_name="leads")
    op.drop_table("leads")
    op.drop_table("gallery_import_rows")
    op.drop_index(op.f("ix_gallery_entries_state"), table_name="gallery_entries")
    op.drop_index(op.f("ix_gallery_entries_person"), table_name="gallery_entries")
    op.drop_index(op.f("ix_gallery_entries_imported"), table_name="gallery_entries")
    op.drop_index(op.f("ix_gallery_entries_gallery"), table_name="gallery_entries")
    op.drop_index(op.f("ix_gallery_entries_expires_on"), table_name="gallery_entries")
    op.drop_table("gallery_entries")
    op.drop_index(op.f("ix_examinations_examiner"), table_name="examinations")
    op.drop_table("examinations")
    op.drop_table("approvals")
    op.drop_index(op.f("ix_training_account"), table_name="training")
    op.drop_table("training")
    op.drop_index(op.f("ix_reviews_state"), table_name="reviews")
    op.drop_index(op.f("ix_reviews_known"), table_name="reviews")
    op.drop_table("reviews")
    op.drop_index(op.f("ix_requests_state"), table_name="requests")
    op.drop_index(op.f("ix_requests_same"), table_name="requests")
    op.drop_index(op.f("ix_requests_case_id"), table_name="requests")
    op.drop_table("requests")
    op.drop_index(op.f("ix_probes_case_id"), table_name="probes")
    op.drop_table("probes")
    op.drop_index(op.f("ix_passkeys_account"), table_name="passkeys")
    op.drop_table("passkeys")
    op.drop_index(op.f("ix_outside_results_state"), table_name="outside_results")
    op.drop_index(op.f("ix_outside_results_case_id"), table_name="outside_results")
    op.drop_index(op.f("ix_outside_results_by"), table_name="outside_results")
    op.drop_index(op.f("ix_outside_results_ask"), table_name="outside_results")
    op.drop_table("outside_results")
    op.drop_index(op.f("ix_narrative_prints_print"), table_name="narrative_prints")
    op.drop_table("narrative_prints")
    op.drop_index(op.f("ix_known_results_examiner"), table_name="known_results")
    op.drop_table("known_results")
    op.drop_index(op.f("ix_known_pictures_known"), table_name="known_pictures")
    op.drop_table("known_pictures")
    op.drop_index(op.f("ix_gallery_people_gallery"), table_name="gallery_people")
    op.drop_table("gallery_people")
    op.drop_table("gallery_imports")
    op.drop_index(op.f("ix_case_versions_case_id"), table_name="case_versions")
    op.drop_table("case_versions")
    op.drop_table("account_roles")
    op.drop_index(op.f("ix_standing_switches_state"), table_name="standing_switches")
    op.drop_table("standing_switches")
    op.drop_table("standing")
    op.drop_index(
        "ux_settings_in_force",
        table_name="settings",
        sqlite_where=sa.text("state = 'in-force'"),
        postgresql_where=sa.text("state = 'in-force'"),
    )
    op.drop_index(op.f("ix_settings_engine"), table_name="settings")
    op.drop_table("settings")
    op.drop_index(op.f("ix_searches_state"), table_name="searches")
    op.drop_index(op.f("ix_searches_requester"), table_name="searches")
    op.drop_index(op.f("ix_searches_case_id"), table_name="searches")
    op.drop_table("searches")
    op.drop_table("refused_sign_ins")
    op.drop_index(op.f("ix_outside_asks_case_id"), table_name="outside_asks")
    op.drop_index(op.f("ix_outside_asks_by"), table_name="outside_asks")
    op.drop_table("outside_asks")
    op.drop_index(op.f("ix_outbox_place"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("known_answers")
    op.drop_table("joint_requests")
    op.drop_index(op.f("ix_jobs_not_before"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_table("invitations")
    op.drop_index(op.f("ix_incidents_state"), table_name="incidents")
    op.drop_table("incidents")
    op.drop_table("galleries")
    op.drop_table("data_keys")
    op.drop_index(op.f("ix_challenges_made_at"), table_name="challenges")
    op.drop_table("challenges")
    op.drop_index(op.f("ix_cases_opened_by"), table_name="cases")
    op.drop_table("cases")
    op.drop_index(op.f("ix_case_events_case_id"), table_name="case_events")
    op.drop_table("case_events")
    op.drop_index(
        "ux_audits_accepted",
        table_name="audits",
        sqlite_where=sa.text("state = 'accepted'"),
        postgresql_where=sa.text("state = 'accepted'"),
    )
    op.drop_index(op.f("ix_audits_engine"), table_name="audits")
    op.drop_table("audits")
    op.drop_table("accounts")
