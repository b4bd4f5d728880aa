"""Previews: one for each tab of a visitor. The column `owner` is the row's key from now on."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("previews", sa.Column("visitor", sa.String(), nullable=True))
    op.create_index("previews_of_visitor", "previews", ["visitor"])


def downgrade() -> None:
    op.drop_index("previews_of_visitor", "previews")
    op.execute("DELETE FROM previews WHERE visitor <> owner")
    op.drop_column("previews", "visitor")
