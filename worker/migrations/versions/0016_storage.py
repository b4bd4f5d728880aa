"""Storage: its marker, deletions that may not be complete, and what pictures should be."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "storage_marker",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("raising", sa.Boolean(), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "deletions",
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("made", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("folder"),
    )
    op.create_index("ix_deletions_made", "deletions", ["made"])
    op.add_column("jobs", sa.Column("files", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "files")
    op.drop_table("deletions")
    op.drop_table("storage_marker")
