"""What each process counted."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    column = sa.Column("metrics", sa.String(), nullable=False, server_default="")
    op.add_column("processes", column)


def downgrade() -> None:
    op.drop_column("processes", "metrics")
