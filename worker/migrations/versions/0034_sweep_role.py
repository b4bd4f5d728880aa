"""The sweep's role under another name, which no earlier program can take.

An earlier sweep deletes every file that its own rows don't name: films, taught styles, the marker.
It takes the role by an UPDATE of the row `sweep`; without that row it never leads.
"""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.execute("UPDATE leases SET name = 'maintenance', until = 0 WHERE name = 'sweep'")


def downgrade() -> None:
    op.execute("UPDATE leases SET name = 'sweep', until = 0 WHERE name = 'maintenance'")
