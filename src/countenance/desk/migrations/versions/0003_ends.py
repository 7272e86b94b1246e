"""Ends that were not told, who is kept out, known answers erased, events by their leaf."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from countenance.desk.migrations import refuse_loss

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_index(op.f("ix_case_events_leaf"), "case_events", ["leaf"], unique=False)
    op.add_column(
        "standing_switches", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True)
    )

    op.add_column(
        "leads", sa.Column("image_removed_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_table(
        "gallery_kept_out",
        sa.Column("gallery", sa.String(length=64), nullable=False),
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["gallery"], ["galleries.code"], name=op.f("fk_gallery_kept_out_gallery_galleries")
        ),
        sa.PrimaryKeyConstraint("gallery", "mark", name=op.f("pk_gallery_kept_out")),
    )
    op.create_index(
        op.f("ix_gallery_kept_out_person"), "gallery_kept_out", ["person"], unique=False
    )
    op.add_column(
        "known_answers", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_table(
        "known_erasures",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("known", sa.String(length=32), nullable=False),
        sa.Column("basis", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["known"], ["known_answers.id"], name=op.f("fk_known_erasures_known_known_answers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_erasures")),
    )
    op.create_index(op.f("ix_known_erasures_known"), "known_erasures", ["known"], unique=False)
    op.create_index(op.f("ix_known_erasures_state"), "known_erasures", ["state"], unique=False)


def downgrade() -> None:
    """Back to the one before. Raises DeskError where that would take records away."""
    refuse_loss(op.get_bind(), ("gallery_kept_out", "known_erasures"))
    op.drop_index(op.f("ix_known_erasures_state"), table_name="known_erasures")
    op.drop_index(op.f("ix_known_erasures_known"), table_name="known_erasures")
    op.drop_table("known_erasures")
    op.drop_column("known_answers", "erased_at")
    op.drop_index(op.f("ix_gallery_kept_out_person"), table_name="gallery_kept_out")
    op.drop_table("gallery_kept_out")
    op.drop_column("leads", "image_removed_at")
    op.drop_column("standing_switches", "ended_at")
    op.drop_index(op.f("ix_case_events_leaf"), table_name="case_events")
