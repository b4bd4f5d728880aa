"""Leases: one for scheduled back-ups."""

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.execute("INSERT INTO leases (name, holder, until) VALUES ('backup', '', 0)")


def downgrade() -> None:
    op.execute("DELETE FROM leases WHERE name = 'backup'")
