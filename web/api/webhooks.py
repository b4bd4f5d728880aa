"""The API's webhook resources: the signing secret, and the state of a delivery.

The sweep sends; see `worker/webhooks/deliveries.py`.
"""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from web.api.api import PREFIX, Owner
from web.api.openapi import problems
from web.language import messages
from web.language.problems import HTTPProblem
from web.language.texts import Spoken
from web.security.address import CREDENTIAL
from web.security.identity import IN_BROWSER
from worker import jobs
from worker.jobs import Status
from worker.webhooks import deliveries
from worker.webhooks.deliveries import State

router = APIRouter(prefix=PREFIX, tags=["webhooks"])
outgoing = APIRouter()  # described, not served: what others are sent


_EXAMPLE = {
    "id": "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e",
    "state": "done",
    "error": None,
    "error_code": None,
    "submitted": 1795489200.0,
    "started": 1795489201.5,
    "finished": 1795489205.0,
    "width": 768,
    "height": 512,
}


def _like(**example: Any) -> ConfigDict:  # noqa: ANN401, JSON
    return ConfigDict(json_schema_extra={"examples": [example]})


class SecretMade(BaseModel):
    """A new secret; keep it, it is not shown again."""

    model_config = _like(secret="whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", made=1795489200.0)

    secret: str
    made: float


class SecretKnown(BaseModel):
    """When your secret was made; null: there is none."""

    made: float | None


class DeliveryView(BaseModel):
    """The state of a delivery to your server; times are epoch seconds."""

    model_config = _like(
        url="https://example.org/painted",
        state="waiting",
        attempts=1,
        next_attempt=1795489205.0,
        answer=500,
        error="The address answered 500.",
        ended=None,
    )

    url: str
    state: State
    attempts: int
    next_attempt: float | None
    answer: int | None  # the last status
    error: str | None  # in the visitor's language
    error_code: str | None
    ended: float | None


class Told(BaseModel):
    """What your server receives about a job."""

    id: str
    state: Status
    error: str | None  # in English
    error_code: str | None
    submitted: float
    started: float | None
    finished: float
    width: int | None
    height: int | None


class Message(BaseModel):
    """The body of a webhook; `type` is job.done, job.failed or job.cancelled."""

    model_config = _like(type="job.done", timestamp=1795489205.0, data=_EXAMPLE)

    type: str
    timestamp: float
    data: Told


@router.post(
    "/webhook-secret",
    status_code=201,
    dependencies=IN_BROWSER + CREDENTIAL,
    responses=problems(403, 429),
)
def make_secret(owner: Owner) -> SecretMade:
    """Make the secret your webhooks are signed with; one made before is void at once.

    An API key makes none.
    """
    secret = deliveries.make_secret(owner)
    return SecretMade(secret=secret, made=deliveries.secret_made(owner) or 0.0)


@router.get("/webhook-secret")
def known_secret(owner: Owner) -> SecretKnown:
    """Tell when your secret was made; the secret itself is not shown again."""
    return SecretKnown(made=deliveries.secret_made(owner))


@router.get("/jobs/{job_id}/webhook", responses=problems(404))
def webhook(job_id: str, owner: Owner, language: Spoken) -> DeliveryView:
    """Tell how the webhook of a job goes."""
    jobs.get(job_id, owner)
    delivery = deliveries.get(job_id)
    if delivery is None:
        raise HTTPProblem(404, "webhook.none")
    waits = delivery.state == State.WAITING
    return DeliveryView(
        url=delivery.url,
        state=State(delivery.state),
        attempts=delivery.attempts,
        next_attempt=delivery.due if waits else None,
        answer=delivery.answer,
        **messages.fields(delivery.failure, language),
        ended=delivery.ended,
    )


@outgoing.post("job-ended")
def job_ended(message: Message) -> None:
    """Tell a server of yours that a job has ended, at least once.

    Signed as Standard Webhooks says: `webhook-signature` is `v1,` and the base64 HMAC-SHA256 of
    `{webhook-id}.{webhook-timestamp}.{body}` with what follows `whsec_` in your secret, decoded
    from base64. `webhook-id` is the job's id, the same for every attempt. Any 2xx is success;
    anything else, redirects too, is tried again after 5 s, 30 s, 2 min, 10 min, 1 h and 4 h;
    410 ends the attempts.
    """
