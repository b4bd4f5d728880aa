"""Jobs: the size of the photo as it was sent, and what was done to the pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("original_width", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("original_height", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("notices", sa.JSON(), nullable=True))


def downgrade() -> None:
    for name in ("notices", "original_height", "original_width"):
        op.drop_column("jobs", name)
