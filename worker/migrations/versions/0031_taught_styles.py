"""Jobs: the style that one taught."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("taught_key", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "taught_key")
