"""Indexes of queued jobs in claim order: of all queues, and of each."""

from alembic import op

revision = "0010"
down_revision = "0009"

LINE = ("priority", "turn", "id")


def upgrade() -> None:
    op.drop_index("jobs_in_line", "jobs")
    op.create_index("jobs_in_line", "jobs", ["status", *LINE])
    op.create_index("jobs_in_queue", "jobs", ["status", "queue", *LINE])


def downgrade() -> None:
    op.drop_index("jobs_in_queue", "jobs")
    op.drop_index("jobs_in_line", "jobs")
    op.create_index("jobs_in_line", "jobs", ["status", "queue", *LINE])
