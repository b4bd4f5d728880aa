"""Admission: the checks that a visitor's submission passes, from the page or the API.

Blocks and rate limits first, since they cost little; then the pictures, then the quota. Checks that
two concurrent submissions could both pass are repeated in the transaction that inserts the row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import InstrumentedAttribute, Session

from adain import catalog
from adain.catalog import TaughtKind
from worker import jobs
from worker.errors import Refused
from worker.gallery import taught_styles
from worker.images import images
from worker.images.images import Given
from worker.jobs import Beside, Job, batches, service_state
from worker.jobs.batches import Batch, Source
from worker.options import BatchOptions, Options, recorded
from worker.settings import settings
from worker.storage import database, free_space
from worker.visitors import limit_overrides, quota, rate_limits, turns
from worker.visitors.rate_limits import Visitor


def _checks(
    visitor: Visitor,
    column: InstrumentedAttribute[Any],
    beside: Beside,
    gone: list[str],
) -> Beside:
    """Return what is done in the transaction that stores the jobs whose column has an id.

    It puts into `gone` the jobs deleted for it, those of the last try alone.
    """

    def checked(session: Session, given_id: str) -> None:
        service_state.check_in(session)
        turns.note(session, visitor, column == given_id)
        rate_limits.check_waiting(session, visitor)
        gone[:] = quota.enforce(session, visitor.owner)
        turns.share(session, visitor, column == given_id)
        beside(session, given_id)

    return checked


def _jobs(chosen: Options, styles: int) -> int:
    """Return how many submissions a job with these options, which were checked, counts as."""
    if chosen.teach:
        steps = catalog.lesson_steps(TaughtKind(chosen.teach), chosen.steps, styles)
        return 1 + steps // catalog.STEPS_OF_A_JOB
    return catalog.METHODS[chosen.method].counts(chosen.effort)


def _at_first(options: object, styles: int, masks: int) -> int:
    """Return how many submissions a job counts as; one with options that `jobs.submit` refuses: 1.

    They are read as they are for the job itself, so that each way to write a number counts.
    """
    try:
        return _jobs(Options.read(options or {}, styles, masks), styles)
    except Refused:
        return 1


def _more(submissions: int) -> rate_limits.Cost:
    """Return what a film costs beyond one submission: half of what a minute allows at most.

    More could never get in.
    """
    limited = filter(None, limit_overrides.of("visitor_submissions", "address_submissions"))
    return rate_limits.submissions(min([submissions, *(most // 2 for most in limited)]))


def _of_batch(submissions: int, more: int) -> rate_limits.Cost:
    """Return what a batch costs, its films more: all that a minute allows at most."""
    limited = filter(None, limit_overrides.of("visitor_submissions", "address_submissions"))
    return rate_limits.submissions(max(submissions, min([submissions + more, *limited])))


def submit(
    visitor: Visitor,
    content: Given,
    styles: Sequence[Given],
    masks: Sequence[Given] = (),
    options: object = None,
    beside: Beside = lambda session, job_id: None,
) -> Job:
    """Accept a visitor's job as `jobs.submit` does; raises what that does.

    Raises `service_state.NotAccepting` besides, `TooMany` and `quota.QuotaFull`.
    """
    service_state.check()
    chosen, paintings = taught_styles.chosen(visitor.owner, options)
    styles = styles or [*map(images.stored, paintings)]
    sizes = [images.source(one).size for one in (content, *styles, *masks)]
    sent = sum(sizes)
    submissions = _at_first(chosen, len(styles), len(masks))
    costs = rate_limits.submissions(submissions), rate_limits.pictures(len(sizes))
    rate_limits.consume(visitor, *costs, rate_limits.sent(sent))

    gone: list[str] = []
    [by_address] = limit_overrides.of("address_waiting")  # where that is 0, no address is limited
    origin = visitor.origin if by_address else ""
    beside = taught_styles.one_at_a_time(visitor.owner, origin, options, beside)
    checked = _checks(visitor, Job.id, beside, gone)

    def reserve(size: int, more: int) -> None:
        free_space.check(size)
        rate_limits.consume(visitor, _more(more), rate_limits.kept(size, sent))
        quota.check(visitor.owner, size)

    job = jobs.submit(visitor.owner, content, styles, masks, chosen, checked, reserve)
    quota.delete_pictures(gone)
    return job


def made_from(parent: str) -> Beside:
    """Return what notes with a new job from which of its owner's it was made; "": from none."""

    def note(session: Session, job_id: str) -> None:
        if parent:
            session.execute(update(Job).where(Job.id == job_id).values(parent=parent))

    return note


def _given(job: Job) -> str:
    """Return the key of the photo or film that a job was given."""
    [*film] = jobs.film_keys(job.id, job.film)
    return film[0] if film else job.content_key


def again(visitor: Visitor, job_id: str, changes: Mapping[str, object]) -> Job:
    """Accept an earlier job's pictures once more, with its settings but for what changes.

    Raises as `submit` does, `JobNotFound` and `BlobMissing`.
    """
    job = jobs.get(job_id, visitor.owner)
    styles, masks = (list(map(images.stored, keys)) for keys in (job.style_keys, job.mask_keys))
    # what is kept is what was inside of crops
    options = {**recorded(job.options), "crop": [], "style_crops": [], **changes}
    photo, beside = images.stored(_given(job)), made_from(job.id)
    if (job.film or {}).get("clean"):  # in ours there is no animation
        options["moving"] = False
    elif job.film:  # as it was sent
        photo = replace(photo, stored=False)
    return submit(visitor, photo, styles, masks, options, beside)


def most_in_batch() -> int:
    """Return how many pictures can get in at once: more never could, however long one waits."""
    limited = limit_overrides.of(
        "visitor_submissions", "address_submissions", "visitor_waiting", "address_waiting"
    )
    return min([settings().max_batch, *filter(None, limited)])


class BatchTooLarge(Refused):
    """A batch of more pictures than can get in at once."""

    def __init__(self) -> None:
        super().__init__("batch.too_large", limit=most_in_batch())


@database.retried
def _check_waiting(visitor: Visitor, coming: int) -> None:
    with database.transaction() as session:
        rate_limits.check_waiting(session, visitor, coming)


def submit_batch(
    visitor: Visitor,
    photos: Sequence[Source],
    styles: Sequence[Source],
    options: object = None,
    beside: Beside = lambda session, batch_id: None,
) -> Batch:
    """Accept a visitor's batch as `batches.submit` does, within the limits, whole or not at all.

    Raises as `submit`. What can't get in is refused before any picture is opened; a picture
    that is refused has cost no submission.
    """
    service_state.check()
    options, _ = taught_styles.chosen(visitor.owner, options)
    count = len(photos) * len(styles)
    if count > most_in_batch():
        raise BatchTooLarge
    _check_waiting(visitor, count)
    sent = sum(one.size for one in (*photos, *styles))
    rate_limits.consume(
        visitor, rate_limits.sent(sent), rate_limits.pictures(len(photos) + len(styles))
    )
    gone: list[str] = []
    checked = _checks(visitor, Job.batch, beside, gone)

    def reserve(size: int, more: int) -> None:
        chosen = BatchOptions.read_all(options or {}, len(photos), len(styles))
        submissions = count * _jobs(chosen, 1)
        free_space.check(size)
        rate_limits.consume(visitor, _of_batch(submissions, more), rate_limits.kept(size, sent))
        quota.check(visitor.owner, size)

    batch = batches.submit(visitor.owner, photos, styles, options, checked, reserve)
    quota.delete_pictures(gone)
    return batch
