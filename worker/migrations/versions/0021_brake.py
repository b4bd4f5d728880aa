"""What the brake on deletion by age knows of the database's clock."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

COLUMNS = ("clock_read", "clock_moved", "held")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("storage_marker", sa.Column(name, sa.Double(), nullable=True))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("storage_marker", name)
