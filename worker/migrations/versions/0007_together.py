"""Which jobs may be made together, and which kind of worker they wait for."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

LINE = ("priority", "turn", "id")


def upgrade() -> None:
    for name, usual in (("shape", ""), ("queue", "light")):
        op.add_column("jobs", sa.Column(name, sa.String(), nullable=False, server_default=usual))
    op.add_column("jobs", sa.Column("together", sa.Integer(), nullable=False, server_default="1"))
    op.drop_index("jobs_in_line", "jobs")
    op.create_index("jobs_in_line", "jobs", ["status", "queue", *LINE])


def downgrade() -> None:
    op.drop_index("jobs_in_line", "jobs")
    op.create_index("jobs_in_line", "jobs", ["status", *LINE])
    for name in ("together", "queue", "shape"):
        op.drop_column("jobs", name)
