"""What a preview takes of the disk, and which address it came from."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column(
        "previews", sa.Column("bytes", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("previews", sa.Column("origin", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("previews", "origin")
    op.drop_column("previews", "bytes")
