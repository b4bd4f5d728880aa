"""Jobs' rows can't contradict themselves; those that do are repaired first."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_ENDED = "('done', 'failed', 'cancelled')"

REPAIRS = (
    f"UPDATE jobs SET finished = NULL WHERE finished IS NOT NULL AND status NOT IN {_ENDED}",
    "UPDATE jobs SET finished = COALESCE(started, submitted)"
    f" WHERE finished IS NULL AND status IN {_ENDED}",
    "UPDATE jobs SET lease_until = NULL WHERE lease_until IS NOT NULL AND status <> 'running'",
    "UPDATE jobs SET lease_until = 0 WHERE lease_until IS NULL AND status = 'running'",  # expired
    "UPDATE jobs SET attempt = 0 WHERE attempt < 0",
    "UPDATE jobs SET released = 0 WHERE released < 0",
    "UPDATE jobs SET released = attempt WHERE released > attempt",
)

# What the code of ef70aa7 writes satisfies these: it may run beside this revision.
CONSTRAINTS = {
    "jobs_finished_when_ended": f"(finished IS NOT NULL) = (status IN {_ENDED})",
    "jobs_leased_while_running": "(lease_until IS NOT NULL) = (status = 'running')",
    "jobs_released_attempts": "released BETWEEN 0 AND attempt",
}


def upgrade() -> None:
    for statement in REPAIRS:
        op.execute(statement)
    with op.batch_alter_table("jobs") as table:
        for name, condition in CONSTRAINTS.items():
            table.create_check_constraint(name, sa.text(condition))


def downgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        for name in CONSTRAINTS:
            table.drop_constraint(name, type_="check")
