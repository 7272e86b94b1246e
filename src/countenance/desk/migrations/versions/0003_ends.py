"""Ends that were not told: of the switch, of a lead's image; events of a case by their leaf."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

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


def downgrade() -> None:
    """Back to the one before. Raises DeskError where that would take records away."""
    op.drop_column("leads", "image_removed_at")
    op.drop_column("standing_switches", "ended_at")
    op.drop_index(op.f("ix_case_events_leaf"), table_name="case_events")
