"""Parts of films that are being painted, so that several workers share one film."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.create_table(
        "parts",
        sa.Column("job_id", sa.String(), primary_key=True),
        sa.Column("first", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("begin", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("painted", sa.Integer(), nullable=False),
        sa.Column("stored", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "stored IS NULL OR lease_until IS NULL", name="parts_stored_are_not_leased"
        ),
    )


def downgrade() -> None:
    op.drop_table("parts")
