"""Whose turns a job takes: its owner's, or those of a new owner's address."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("by_address", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("jobs_of_origin", "jobs", ["origin", "status"])


def downgrade() -> None:
    op.drop_index("jobs_of_origin", "jobs")
    op.drop_column("jobs", "by_address")
