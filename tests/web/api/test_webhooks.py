import asyncio
import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from tests.parts import Setting, free_port, picture
from tests.waiting import until
from tests.web.served import begin, finish, served
from worker import jobs
from worker.errors import Message, Refused
from worker.jobs import Job
from worker.storage import database
from worker.webhooks import deliveries, outbound
from worker.webhooks.deliveries import Delivery, State

Answer = tuple[int, dict[str, str]]


class Receiver(http.server.ThreadingHTTPServer):
    """An owner's server, which records requests and answers with `answers`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.url = f"http://127.0.0.1:{self.server_port}/painted?by=us"
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[Answer] = []  # 204 when there are none
        self.held = False  # whether an answer waits until the test has ended
        self.ends = threading.Event()


class Hook(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, dict(self.headers.items()), body))
        if self.server.held:
            self.server.ends.wait()
        status, headers = self.server.answers.pop(0) if self.server.answers else (204, {})
        self.send_response(status)
        for header in headers.items():
            self.send_header(*header)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.ends.set()
        made.shutdown()


@pytest.fixture
def studio_calling_itself(studio: Path, setting: Setting) -> Path:
    setting(webhooks_loopback=True, sweep_seconds=0.05)
    return studio


@pytest.fixture
def client(studio_calling_itself: Path) -> Iterator[httpx.Client]:
    with served() as address, httpx.Client(base_url=address, timeout=60) as made:
        made.get("/api/v1/jobs")  # get a cookie
        yield made


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What delivers waits for an answer as long as a test lasts; asked for before `sending`."""
    monkeypatch.setattr(outbound, "SECONDS", 600.0)


@pytest.fixture
def sending(studio_calling_itself: Path) -> Iterator[None]:
    """A thread that delivers, as the sweep has."""
    stop = threading.Event()
    thread = threading.Thread(target=deliveries.run, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join()


def post(client: httpx.Client, url: str) -> httpx.Response:
    files = {"content": picture(), "style": picture()}
    return client.post("/api/v1/jobs", files=files, data={"webhook": url})


def promised(url: str, owner: str = "ann") -> Job:
    """An ended job with a webhook."""
    deliveries.make_secret(owner)
    promise = deliveries.promise(owner, url)
    job = jobs.submit(owner, picture(), [picture()], beside=promise)
    jobs.cancel(job.id, owner)
    return job


def delivery(job: Job) -> Delivery:
    found = deliveries.get(job.id)
    assert found is not None
    return found


def come_due() -> None:
    with database.transaction() as session:
        session.execute(update(Delivery).values(due=0.0))


# ---------------------------------------------------------------- delivered


def test_a_webhook_is_delivered_with_a_signature_that_can_be_checked(
    client: httpx.Client, receiver: Receiver, sending: None
) -> None:
    asked, secret = time.time(), client.post("/api/v1/webhook-secret").json()["secret"]
    answer = post(client, receiver.url)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["id"]
    time.sleep(0.2)
    assert receiver.received == []  # not before it has ended
    finish(begin())
    until(lambda: receiver.received)
    path, headers, body = receiver.received[0]
    assert path == "/painted?by=us"
    assert headers["Host"] == receiver.url.split("/")[2]
    message = json.loads(body)
    assert (message["type"], message["data"]["id"]) == ("job.done", job_id)
    assert (message["data"]["width"], message["data"]["height"]) == (32, 24)
    time_sent = headers["webhook-timestamp"]
    assert int(asked) <= int(time_sent) <= time.time()
    signed = f"{headers['webhook-id']}.{time_sent}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    shown = f"/api/v1/jobs/{job_id}/webhook"
    until(lambda: client.get(shown).json()["state"] == "delivered")
    assert client.get(shown).json()["attempts"] == 1


def test_a_cancelled_job_is_delivered_too(receiver: Receiver, sending: None) -> None:
    promised(receiver.url)
    until(lambda: receiver.received)
    assert json.loads(receiver.received[0][2])["type"] == "job.cancelled"


def test_a_webhook_is_delivered_once(receiver: Receiver, sending: None) -> None:
    job = promised(receiver.url)
    until(lambda: delivery(job).state == State.DELIVERED)
    time.sleep(0.3)
    assert len(receiver.received) == 1


def test_a_failed_delivery_is_repeated_later(receiver: Receiver, sending: None) -> None:
    receiver.answers = [(500, {}), (503, {})]
    begun = database.time()
    job = promised(receiver.url)
    until(lambda: delivery(job).error)
    seen = delivery(job)
    assert (seen.state, seen.answer) == (State.WAITING, 500)
    assert seen.error == "The address answered 500."
    assert begun + 3 < seen.due <= database.time() + deliveries.WAITS[0]
    begun = database.time()
    come_due()
    until(lambda: delivery(job).attempts == 2 and delivery(job).answer == 503)
    assert delivery(job).due > begun + deliveries.WAITS[0]
    come_due()
    until(lambda: delivery(job).state == State.DELIVERED)
    assert {headers["webhook-id"] for _, headers, _ in receiver.received} == {job.id}


def test_a_webhook_is_retried_a_limited_number_of_times(receiver: Receiver, sending: None) -> None:
    receiver.answers = [(500, {})] * 99
    job = promised(receiver.url)

    def failed() -> bool:
        come_due()
        return delivery(job).state == State.FAILED

    until(failed)
    assert len(receiver.received) == len(deliveries.WAITS) + 1


def test_status_410_ends_the_retries_of_a_webhook(receiver: Receiver, sending: None) -> None:
    receiver.answers = [(410, {})]
    job = promised(receiver.url)
    until(lambda: delivery(job).state == State.FAILED)


def test_a_redirect_is_not_followed(receiver: Receiver, sending: None) -> None:
    receiver.answers = [(307, {"Location": receiver.url.replace("painted", "elsewhere")})]
    job = promised(receiver.url)
    until(lambda: delivery(job).error)
    assert delivery(job).error == "The address answered 307. Redirects are not followed."
    assert [path for path, _, _ in receiver.received] == ["/painted?by=us"]


def test_an_unreachable_studio_is_one_sentence(
    sending: None, caplog: pytest.LogCaptureFixture
) -> None:
    job = promised(f"http://127.0.0.1:{free_port()}/")
    until(lambda: delivery(job).error)
    assert "could not be reached" in str(delivery(job).error)
    until(lambda: f"job {job.id} webhook attempt 1 waiting" in caplog.text)


def test_a_slow_webhook_server_times_out(
    receiver: Receiver, sending: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 0.3)
    receiver.held = True
    job = promised(receiver.url)
    until(lambda: delivery(job).error)
    assert "no answer within" in str(delivery(job).error)


def test_one_slow_owner_does_not_keep_the_others_waiting(
    receiver: Receiver, patient: None, sending: None
) -> None:
    receiver.held = True
    for _ in range(6):
        promised(receiver.url, "slow")
    until(lambda: len(receiver.received) == deliveries.OF_ONE_OWNER)
    receiver.held = False  # the slow ones' stay so
    quick = promised(receiver.url, "quick")
    until(lambda: delivery(quick).state == State.DELIVERED)
    assert len(receiver.received) == deliveries.OF_ONE_OWNER + 1


def test_owners_of_one_address_take_turns_with_other_addresses(
    either: Path, setting: Setting
) -> None:
    setting(webhooks_loopback=True)
    made = {f"owner-{number}": "here" for number in range(8)} | {
        "victim": "elsewhere",
        "none": None,
    }
    for owner, origin in made.items():
        job = promised("http://127.0.0.1/", owner)
        with database.transaction() as session:
            session.execute(update(Job).where(Job.id == job.id).values(origin=origin))
    claimed = []
    while delivery_ := deliveries.claim():
        claimed.append(delivery_.owner)
    assert len(claimed) == deliveries.OF_ONE_ADDRESS + 2
    assert claimed[-2:] == ["victim", "none"]


def test_a_delivery_whose_sender_died_is_sent_by_another(either: Path, setting: Setting) -> None:
    setting(webhooks_loopback=True)
    job = promised("http://127.0.0.1/")
    first = deliveries.claim()
    assert first is not None
    assert deliveries.claim() is None  # it is being sent
    with database.transaction() as session:
        session.execute(update(Delivery).values(busy_until=0.0))
    second = deliveries.claim()
    assert second is not None
    assert (second.job_id, second.attempts) == (job.id, 2)
    deliveries.record(second, 204, None)
    deliveries.record(first, 500, Message("webhook.not_accepted", status=500))
    assert delivery(job).state == State.DELIVERED


def test_deliveries_go_with_their_jobs(either: Path) -> None:
    job = promised("https://example.org/")
    deliveries.forget()
    assert delivery(job).state == State.WAITING
    jobs.forget(-1)
    deliveries.forget()
    assert deliveries.get(job.id) is None


# ---------------------------------------------------------------- the secret


def test_the_secret_is_shown_once_and_replaced_by_the_next(client: httpx.Client) -> None:
    assert client.get("/api/v1/webhook-secret").json() == {"made": None}
    first = client.post("/api/v1/webhook-secret")
    assert first.status_code == 201
    assert first.json()["secret"].startswith("whsec_")
    assert client.get("/api/v1/webhook-secret").json() == {"made": first.json()["made"]}
    assert client.post("/api/v1/webhook-secret").json()["secret"] != first.json()["secret"]


def test_a_webhook_needs_a_secret_first(client: httpx.Client, receiver: Receiver) -> None:
    answer = post(client, receiver.url)
    assert answer.status_code == 422
    assert "POST /api/v1/webhook-secret" in answer.json()["detail"]
    assert sum(jobs.counts().values()) == 0


def test_the_state_of_a_webhook_is_shown_to_its_owner_only(
    client: httpx.Client, receiver: Receiver
) -> None:
    client.post("/api/v1/webhook-secret")
    shown = f"/api/v1/jobs/{post(client, receiver.url).json()['id']}/webhook"
    assert client.get(shown).json()["state"] == "waiting"
    with httpx.Client(base_url=client.base_url, timeout=60) as stranger:
        assert stranger.get(shown).status_code == 404


def test_a_job_without_a_webhook_says_so(client: httpx.Client) -> None:
    files = {"content": picture(), "style": picture()}
    job_id = client.post("/api/v1/jobs", files=files).json()["id"]
    answer = client.get(f"/api/v1/jobs/{job_id}/webhook")
    assert (answer.status_code, "No webhook" in answer.json()["detail"]) == (404, True)


# ---------------------------------------------------------------- where it may go

NOWHERE = [
    "ftp://example.org/",
    "https://",
    "https:///path",
    "example.org/hook",
    "http://me:word@example.org/",
    "https://example.org/" + "x" * 2000,
    "https://exa mple.org/",
    "https://[::1",
    "javascript:alert(1)",
    "http://xn--/",
    "http://xn--a/",
    "http://xn--99999999999/hook",
    "http://a.xn--\u00fc/",
    "http://" + "\u00fc" * 70 + ".example/",
    "http://\u2488com/",
    "http://exa\0mple.org/",
    "http://example.org:99999999/",
    "http://example.org:0/",
    "http://8.8.8.8 x/",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "[::1]", "[::]",
    "[fe80::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "localhost", "a.localhost",
    # all that the registries of special addresses call not globally reachable, or withdrawn
    "192.0.0.1", "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.2.1",
    "192.88.99.1", "192.88.99.2", "168.63.129.16", "198.51.100.1", "203.0.113.1",
    "[64:ff9b:1::1]", "[100::1]", "[100:0:0:1::1]", "[2001::1]", "[2001:2::1]", "[2001:10::1]",
    "[2001:db8::1]", "[2002:808:808::1]", "[3fff::1]", "[3fff:fff::1]", "[5f00::1]", "[4000::1]",
]  # fmt: skip


@pytest.mark.parametrize("url", [*NOWHERE, *(f"http://{host}/" for host in PRIVATE)])
def test_an_address_that_is_not_public_is_refused(studio: Path, url: str) -> None:
    with pytest.raises(Refused):
        outbound.check(url)


def _spellings(address: str) -> set[str]:
    """Return every way to write an IPv4 address that resolvers take: one to four numbers."""
    number, found = int(IPv4Address(address)), set()
    for form in ("{}", "{:#x}", "0{:o}"):
        for parts in range(1, 5):
            first = [number >> 24, number >> 16 & 255, number >> 8 & 255][: parts - 1]
            last = number & (1 << 8 * (5 - parts)) - 1
            found.add(".".join(form.format(part) for part in [*first, last]))
    return found | {f"{one}." for one in found}


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "10.1.2.3", "169.254.169.254"])
def test_an_address_that_is_not_public_is_refused_in_every_spelling(
    studio: Path, address: str
) -> None:
    spelled = _spellings(address)
    assert len(spelled) > 20
    for host in spelled:
        with pytest.raises(Refused):
            outbound.check(f"http://{host}/")


def test_a_job_whose_webhook_is_a_private_address_is_refused_when_it_is_sent(
    client: httpx.Client, setting: Setting
) -> None:
    setting(webhooks_loopback=False)
    client.post("/api/v1/webhook-secret")
    for host in ("0x7f.1", "2130706433", "127.1", "127.0.0.1.", "0"):
        answer = post(client, f"http://{host}:1/")
        assert (answer.status_code, answer.json()["code"]) == (422, "webhook.address_private"), host


@pytest.mark.parametrize(
    "url",
    ["https://example.org/hook?a=b", "http://8.8.8.8:8080/", "https://[2606:4700::1111]/",
     "http://192.88.98.1/", "http://192.88.100.1/", "https://[64:ff9b::808:808]/",
     "https://bücher.example/", "http://0x8080808/", "http://1.example/", "http://1.2.example./"],
)  # fmt: skip
def test_a_public_address_may_be_called(studio: Path, url: str) -> None:
    assert outbound.check(url) == url


def _names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name have these addresses; returns the names asked for."""
    asked: list[str] = []

    def resolver(host: str, port: int, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr("socket.getaddrinfo", resolver)
    return asked


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "192.168.0.1"], ["::ffff:7f00:1"]])
def test_a_name_that_means_a_private_address_is_not_called(
    sending: None, setting: Setting, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    setting(webhooks_loopback=False)
    _names(monkeypatch, *addresses)
    job = promised("http://innocent.example/")
    until(lambda: delivery(job).error)
    assert "is not a public address" in str(delivery(job).error)
    assert delivery(job).answer is None


def test_the_address_that_was_checked_is_the_one_that_is_called(
    receiver: Receiver, sending: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _names(monkeypatch, "127.0.0.1")
    promised(f"http://innocent.example:{receiver.server_port}/")
    until(lambda: receiver.received)
    assert asked.count("innocent.example") == 1  # a second answer might differ
    assert receiver.received[0][1]["Host"] == f"innocent.example:{receiver.server_port}"


CERTIFICATE = Path(__file__).parent / "innocent.example.pem"  # of this test only


@pytest.mark.parametrize(
    ("name", "answer"), [("innocent.example", 204), ("other.example", "CERTIFICATE_VERIFY_FAILED")]
)
def test_over_https_the_certificate_must_be_the_names_own(
    receiver: Receiver,
    studio_calling_itself: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    answer: object,
) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(CERTIFICATE)
    receiver.socket = serving.wrap_socket(receiver.socket, server_side=True)
    _names(monkeypatch, "127.0.0.1")
    trusting = ssl.create_default_context(cafile=CERTIFICATE)

    async def call() -> object:
        async with outbound.client(trusting) as caller:
            try:
                url = f"https://{name}:{receiver.server_port}/"
                return await outbound.post(caller, url, b"{}", {})
            except httpx.ConnectError as error:
                return str(error)

    assert str(answer) in str(asyncio.run(call()))
