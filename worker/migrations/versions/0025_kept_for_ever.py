"""Marker: whether the studio ran without a retention age."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("storage_marker", sa.Column("kept_for_ever", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("storage_marker", "kept_for_ever")
