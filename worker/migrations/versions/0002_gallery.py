"""The gallery: what owners added to their results, reports, and jobs found by their styles."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("style_digests", sa.JSON(), nullable=False, server_default="[]")
    )
    op.create_table(
        "entries",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("title_words", sa.String(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("tag_words", sa.String(), nullable=False),
        sa.Column("favourite", sa.Boolean(), nullable=False),
        sa.Column("published", sa.Double(), nullable=True),
        sa.Column("hidden", sa.Double(), nullable=True),
        sa.Column("cleared", sa.Double(), nullable=True),
        sa.Column("shared", sa.Double(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("job_id"),
    )
    op.create_index("entries_published", "entries", ["published", "job_id"])
    op.create_table(
        "reports",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("visitor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "visitor"),
    )


def downgrade() -> None:
    op.drop_table("reports")
    op.drop_index("entries_published", "entries")
    op.drop_table("entries")
    op.drop_column("jobs", "style_digests")
