"""Entries: the names of styles that stay on their owner's shelf."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("entries", sa.Column("named_styles", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("entries", "named_styles")
