"""Entries: whether others see the photo, and may try the styles."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    for name in ("shows_photo", "lends_styles"):
        op.add_column(
            "entries", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    for name in ("lends_styles", "shows_photo"):
        op.drop_column("entries", name)
