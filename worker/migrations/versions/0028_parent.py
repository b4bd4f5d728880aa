"""Jobs: which job of the same owner they were made from."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("parent", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "parent")
