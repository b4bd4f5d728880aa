"""What was spent of each limit, and what each job takes and where it came from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "allowances",
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("who", "what"),
    )
    op.add_column("jobs", sa.Column("origin", sa.String(), nullable=True))
    for name in ("bytes", "reserved"):
        op.add_column("jobs", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("jobs_kept", "jobs", ["owner", "status", "bytes", "reserved"])


def downgrade() -> None:
    op.drop_index("jobs_kept", "jobs")
    for name in ("reserved", "bytes", "origin"):
        op.drop_column("jobs", name)
    op.drop_table("allowances")
