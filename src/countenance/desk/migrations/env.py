"""What Alembic runs: on the connection it is given, in the transaction that is open on it."""

from __future__ import annotations

from alembic import context

from countenance.desk.base import Base, import_tables

import_tables()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
