"""Jobs: the table, and every way a job changes, each in one statement.

    queued → running → done | failed | cancelled

The row in `model.py`; `new_job.py` builds it, `submission.py` inserts it, `claims.py` gives it to a
worker, `lease.py` is what that worker says of it, `dead_workers.py` what happens when it dies,
`control.py` what owner and administrator want, `queries.py` reads. Callers use this package:
`jobs.submit`, `jobs.claim`. Knows no network and no web.
"""

from worker.errors import Refused as Refused
from worker.jobs.claims import Which, any_claimable, claim, claim_together, join
from worker.jobs.control import (
    cancel,
    cancel_batch,
    count_ended,
    count_old,
    forget,
    requeue,
    stop,
    stop_all,
)
from worker.jobs.dead_workers import LONGEST, expire, repair
from worker.jobs.lease import cleaned, fail, finish, release, renew, renew_all, stopped
from worker.jobs.model import (
    ACTIVE,
    ENDED,
    SOURCE,
    Beside,
    Hold,
    Job,
    JobNotFound,
    Paused,
    Reserve,
    Status,
    film_keys,
    in_order,
    is_held,
    most_parts,
    step_of,
    stuck,
)
from worker.jobs.new_job import PHOTO, WorkingSize, check_method, check_scaled, check_together
from worker.jobs.queries import (
    active,
    counts,
    estimate,
    estimates,
    find,
    get,
    line,
    mine,
    named,
    position,
    positions,
    unanswered,
    unknown,
    waiting,
)
from worker.jobs.submission import submit

__all__ = [
    "ACTIVE",
    "ENDED",
    "LONGEST",
    "PHOTO",
    "SOURCE",
    "Beside",
    "Hold",
    "Job",
    "JobNotFound",
    "Paused",
    "Refused",
    "Reserve",
    "Status",
    "Which",
    "WorkingSize",
    "active",
    "any_claimable",
    "cancel",
    "cancel_batch",
    "check_method",
    "check_scaled",
    "check_together",
    "claim",
    "claim_together",
    "cleaned",
    "count_ended",
    "count_old",
    "counts",
    "estimate",
    "estimates",
    "expire",
    "fail",
    "film_keys",
    "find",
    "finish",
    "forget",
    "get",
    "in_order",
    "is_held",
    "join",
    "line",
    "mine",
    "most_parts",
    "named",
    "position",
    "positions",
    "release",
    "renew",
    "renew_all",
    "repair",
    "requeue",
    "step_of",
    "stop",
    "stop_all",
    "stopped",
    "stuck",
    "submit",
    "unanswered",
    "unknown",
    "waiting",
]
