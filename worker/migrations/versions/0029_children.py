"""Jobs: those made from another are found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    made = sa.text("parent IS NOT NULL")
    op.create_index("jobs_of_parent", "jobs", ["parent"], sqlite_where=made, postgresql_where=made)


def downgrade() -> None:
    op.drop_index("jobs_of_parent", "jobs")
