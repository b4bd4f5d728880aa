"""Why a job or a delivery failed: a code and its parameters beside the sentence."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

TABLES = ("jobs", "deliveries")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("error_code", sa.String(), nullable=True))
        op.add_column(table, sa.Column("error_params", sa.JSON(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "error_params")
        op.drop_column(table, "error_code")
