"""Service state: whether jobs are accepted and begun."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    table = op.create_table(
        "gate",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.bulk_insert(table, [{"name": "gate", "state": "open", "since": 0.0}])


def downgrade() -> None:
    op.drop_table("gate")
