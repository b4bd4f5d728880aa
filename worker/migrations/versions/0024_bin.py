"""Jobs: since when they are in their owner's bin."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("binned", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "binned")
