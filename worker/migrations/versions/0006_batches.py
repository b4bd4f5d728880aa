"""Batches: many photos in many styles, sent together; their jobs say which and where."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("submitted", sa.Double(), nullable=False),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("styles", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("batches_of_owner", "batches", ["owner", "id"])
    op.add_column("jobs", sa.Column("batch", sa.String(), nullable=True))
    op.add_column("jobs", sa.Column("cell", sa.Integer(), nullable=True))
    op.create_index("jobs_of_batch", "jobs", ["batch", "cell"])


def downgrade() -> None:
    op.drop_index("jobs_of_batch", "jobs")
    for name in ("cell", "batch"):
        op.drop_column("jobs", name)
    op.drop_table("batches")
