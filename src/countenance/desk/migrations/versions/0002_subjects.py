"""Subject requests, erasures of cases, doors' buckets, and what public figures are counted by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from countenance.desk.migrations import refuse_loss

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_GONE = (
    ("gallery_entries", "expires_on"), ("gallery_entries", "gallery"),
    ("gallery_entries", "state"), ("jobs", "not_before"),
)  # fmt: skip
_BETTER = (
    ("ix_gallery_entries_change", "gallery_entries", ("gallery", "change")),
    ("ix_gallery_entries_what", "gallery_entries",
     ("gallery", "state", "source", "disposition", "captured_on", "expires_on")),
    ("ix_jobs_waiting", "jobs", ("state", "not_before")),
    ("ix_probes_state", "probes", ("state",)),
    ("ix_requests_requester", "requests", ("requester",)),
)  # fmt: skip


def upgrade() -> None:
    """To this revision."""
    _count_and_find_faster()
    op.create_index(op.f("ix_case_events_kind"), "case_events", ["kind"], unique=False)
    op.create_table(
        "door_buckets",
        sa.Column("door", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("door", "source", name=op.f("pk_door_buckets")),
    )
    op.create_index(op.f("ix_door_buckets_at"), "door_buckets", ["at"], unique=False)
    op.create_table(
        "subject_requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_by", sa.String(length=32), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=32), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("check_box", sa.LargeBinary(), nullable=True),
        sa.Column("answer_box", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject_requests")),
        sa.UniqueConstraint("reference", name=op.f("uq_subject_requests_reference")),
    )
    op.create_index(
        op.f("ix_subject_requests_received_at"), "subject_requests", ["received_at"], unique=False
    )
    op.create_index(op.f("ix_subject_requests_state"), "subject_requests", ["state"], unique=False)
    op.create_table(
        "case_erasures",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("basis", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_erasures_case_id_cases")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_erasures")),
    )
    op.create_index(op.f("ix_case_erasures_case_id"), "case_erasures", ["case_id"], unique=False)
    op.create_index(op.f("ix_case_erasures_state"), "case_erasures", ["state"], unique=False)
    op.create_table(
        "gallery_statements",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("gallery", sa.String(length=64), nullable=False),
        sa.Column("question", sa.String(length=32), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gallery"], ["galleries.code"], name=op.f("fk_gallery_statements_gallery_galleries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gallery_statements")),
    )
    op.create_index(
        op.f("ix_gallery_statements_gallery"), "gallery_statements", ["gallery"], unique=False
    )


def _count_and_find_faster() -> None:
    for name in ("people", "images"):
        op.add_column(
            "galleries", sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        )
    op.execute(
        "UPDATE galleries SET (people, images) = (SELECT count(DISTINCT person), count(*) "
        "FROM gallery_entries WHERE gallery = galleries.code AND state = 'active')"
    )
    for table, column in _GONE:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
    for name, table, columns in _BETTER:
        op.create_index(name, table, list(columns), unique=False)


def _as_before() -> None:
    for name, table, _ in _BETTER:
        op.drop_index(name, table_name=table)
    for table, column in _GONE:
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)
    for name in ("images", "people"):
        op.drop_column("galleries", name)


def downgrade() -> None:
    """Back to the one before. Raises DeskError where that would take records away."""
    refuse_loss(op.get_bind(), ("subject_requests", "case_erasures", "gallery_statements"))
    op.drop_index(op.f("ix_gallery_statements_gallery"), table_name="gallery_statements")
    op.drop_table("gallery_statements")
    _as_before()
    op.drop_index(op.f("ix_case_erasures_state"), table_name="case_erasures")
    op.drop_index(op.f("ix_case_erasures_case_id"), table_name="case_erasures")
    op.drop_table("case_erasures")
    op.drop_index(op.f("ix_subject_requests_state"), table_name="subject_requests")
    op.drop_index(op.f("ix_subject_requests_received_at"), table_name="subject_requests")
    op.drop_table("subject_requests")
    op.drop_index(op.f("ix_door_buckets_at"), table_name="door_buckets")
    op.drop_table("door_buckets")
    op.drop_index(op.f("ix_case_events_kind"), table_name="case_events")
