"""Jobs: the film that one was given, and the film that was painted."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("film", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("film_key", sa.String(), nullable=True))


def downgrade() -> None:
    for column in ("film_key", "film"):
        op.drop_column("jobs", column)
