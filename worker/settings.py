"""Every setting, once: a frozen object read from STUDIO_… variables.

No other module reads one of them. Knows no file, no server and no job.
"""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from adain import catalog
from worker import setting_values
from worker.choices import NetworkName
from worker.film_settings import FilmSettings
from worker.setting_values import Folder, FolderOrNone

PREFIX = "STUDIO_"
KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
MOST_STYLES = 16  # of a job, whatever the setting says
MOST_IN_BATCH = 1000  # pictures of a batch, likewise
CLIENTS = {"STUDIO_API_KEY"}  # read by the commands that call a studio; no setting


class BadSetting(SystemExit):
    """A setting that can't be used; ends the process with a sentence that names it."""


class Settings(FilmSettings):
    """How this process is set up; every field is STUDIO_ and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data: Folder = Field(
        default=Path("data"), validate_default=True, description="folder for all data"
    )
    database_url: Annotated[str, AfterValidator(setting_values.database_url)] = Field(
        default_factory=lambda got: f"sqlite:///{got['data']}/studio.sqlite3",
        description="SQLite or PostgreSQL",
    )
    redis_url: Annotated[str, AfterValidator(setting_values.redis_url)] = Field(
        default="redis://127.0.0.1:6379/0",
        pattern=r"^(redis|rediss|unix)://",
        description="the queue",
    )
    blobs_url: Annotated[str, AfterValidator(setting_values.blobs_url)] = Field(
        default_factory=lambda got: f"file://{got['data']}/blobs",
        description="where pictures are kept: file:///folder or s3://bucket/folder",
    )
    weights_dir: Folder = Field(
        default_factory=lambda got: got["data"] / "weights",
        description="folder for weights that do not ship with the program",
    )
    shelf: FolderOrNone = Field(
        default="",
        description="folder with style pictures of your own, each with its credit in a JSON file "
        "beside it; read when the web server starts (`adain-studio shelf`); empty: none",
    )
    cookie_secret: SecretStr = Field(
        default=SecretStr(""),
        description="signs the visitors' cookies; several, comma-separated: the first signs, all "
        "are read; empty: made once and kept in the data folder",
    )
    admin_secret: Annotated[SecretStr, AfterValidator(setting_values.long_enough)] = Field(
        default=SecretStr(""),
        description="opens the admin's page, /admin; empty: there is none",
    )

    oidc_issuer: Annotated[str, AfterValidator(setting_values.issuer)] = Field(
        default="", description="OpenID Connect provider people may sign in with; empty: none"
    )
    oidc_client_id: str = Field(default="", description="what the provider calls this studio")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="what this studio proves itself to the provider with"
    )

    host: str = Field(default="127.0.0.1", description="address the web server listens on")
    port: int = Field(default=7860, ge=0, le=65535, description="port the web server listens on")
    public_url: Annotated[str, AfterValidator(setting_values.public_url)] = Field(
        default="",
        description="address the visitors use, behind a proxy; may have a path: https://host/studio",
    )
    frame_ancestors: Annotated[str, AfterValidator(setting_values.sites)] = Field(
        default="",
        description="sites that may show the studio in a frame, https://…, comma-separated; "
        "empty: none; see SECURITY.md",
    )
    trusted_proxies: Annotated[str, AfterValidator(setting_values.networks)] = Field(
        default="",
        description="addresses of proxies whose X-Forwarded-… headers count, comma-separated",
    )
    https_only: bool = Field(default=False, description="send cookies over https only")

    network: NetworkName = Field(default=catalog.DEFAULT_NETWORK, description="the default network")
    device: str = Field(
        default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N"
    )
    worker_concurrency: int = Field(
        default=1, ge=1, le=64, description="jobs at a time in one worker"
    )
    worker_threads: int = Field(
        default=0, ge=0, description="CPU threads of one job; 0: the cores shared among the jobs"
    )
    micro_batch: int = Field(
        default=0, ge=0, le=64, description="jobs taken at once; 0: 8 on a GPU, 4 on a CPU"
    )
    serves: Annotated[str, AfterValidator(setting_values.queues)] = Field(
        default="light,heavy", description="queues this worker serves"
    )
    heavy_pixels: int = Field(
        default=8_000_000,
        ge=0,
        description="a result so large, or by a heavy network or method, waits in the queue heavy; "
        "0: none",
    )

    teach_steps: int = Field(
        default=300, ge=0, description="steps, about a second each, of teaching one style; 0: none"
    )
    teach_checkpoint_seconds: float = Field(
        default=20, ge=0, description="what is taught is kept this often, for another worker"
    )

    compile: bool = Field(
        default=True,
        description="let a worker make machine code of its networks, where there is a C++ compiler",
    )
    code_dir: Folder = Field(
        default_factory=lambda got: got["data"] / "code",
        description="folder for that code; nobody else may write there",
    )
    worker_nice: int = Field(
        default=5, ge=0, le=19, description="how far a worker stands back behind page and API"
    )

    lease_seconds: float = Field(
        default=12, gt=0, description="a silent worker loses its job after this"
    )
    heartbeat_seconds: float = Field(default=3, gt=0, description="a worker is heard this often")
    max_attempts: int = Field(default=5, ge=1, description="starts of one job before it fails")
    job_time_limit: int = Field(default=600, ge=1, description="seconds one job may run")
    sweep_seconds: float = Field(default=1, gt=0, description="the sweep looks this often")
    ring_after_seconds: float = Field(
        default=2, ge=0, description="a job nobody took is announced again after this"
    )
    retention_days: float = Field(
        default=30,
        ge=0,
        description="jobs but favourites are deleted after this; 0: never, as `adain-studio up` "
        "has it where only this machine reaches the studio",
    )
    retention_failed_days: float = Field(
        default=7, ge=0, description="failed and cancelled jobs, if sooner; 0: as the others"
    )
    reports_to_hide: int = Field(
        default=3, ge=1, description="visitors whose reports take a public picture down"
    )

    backup_dir: Annotated[str, AfterValidator(setting_values.folder_or_none)] = Field(
        default="", description="folder that the sweep writes scheduled back-ups to; empty: none"
    )
    backup_every: float = Field(
        default=24, gt=0, description="hours from one scheduled back-up to the next"
    )
    backup_keep: int = Field(
        default=7,
        ge=1,
        description="scheduled back-ups kept; the oldest goes once a new one is made",
    )

    webhooks_loopback: bool = Field(
        default=False, description="let webhooks call this machine itself; for tests only"
    )

    # What one visitor, one address and all together may ask for; 0 is no limit.
    visitor_submissions: int = Field(
        default=60,
        ge=0,
        description="jobs one visitor may send a minute, a slow one counts as several; 0: any",
    )
    address_submissions: int = Field(
        default=240, ge=0, description="jobs one network address may send a minute; 0: no limit"
    )
    visitor_waiting: int = Field(
        default=200, ge=0, description="jobs of one visitor in line at a time; 0: no limit"
    )
    address_waiting: int = Field(
        default=400, ge=0, description="jobs of one network address in line; 0: no limit"
    )
    # Opened: put in a form and looked at (two each), sent, downloaded in another format, read.
    visitor_uploads: int = Field(
        default=240, ge=0, description="pictures opened for one visitor a minute; 0: no limit"
    )
    address_uploads: int = Field(
        default=960, ge=0, description="pictures opened for one address a minute; 0: no limit"
    )
    visitor_decoding: int = Field(
        default=600,
        ge=0,
        description="seconds in ten minutes that one visitor's pictures are decoded; 0: no limit",
    )
    address_decoding: int = Field(
        default=900,
        ge=0,
        description="seconds in ten minutes that one address's pictures are decoded; 0: no limit",
    )
    visitor_previews: int = Field(
        default=300,
        ge=0,
        description="previews of one visitor a minute, each picture of a contact sheet counted; "
        "0: no limit",
    )
    address_previews: int = Field(
        default=1200,
        ge=0,
        description="previews of one network address a minute, counted so; 0: no limit",
    )
    visitor_events: int = Field(
        default=600, ge=0, description="events of one visitor's page a minute; 0: no limit"
    )
    address_events: int = Field(
        default=2400, ge=0, description="events of the page from one address a minute; 0: no limit"
    )
    daily_bytes: int = Field(
        default=4 * GIB,
        ge=0,
        description="of pictures that one visitor or one address may send, or have kept if that "
        "is more, a day; 0: no limit",
    )
    visitor_bytes: int = Field(
        default=2 * GIB, ge=0, description="kept of one visitor; the oldest goes first; 0: any"
    )
    total_bytes: int = Field(
        default=20 * GIB,
        ge=0,
        description="kept of all visitors; the oldest of who keeps most goes first; 0: any",
    )
    guaranteed_owners: int = Field(
        default=100,
        ge=0,
        description="visitors by whom total_bytes and uploads_bytes are divided: who keeps no more "
        "than such a share loses nothing to others; 0: no share is guaranteed",
    )
    uploads_bytes: int = Field(
        default=2 * GIB, ge=0, description="kept of forms that are being filled in; 0: any"
    )
    previews_bytes: int = Field(
        default=256 * MIB,
        ge=0,
        description="of previews, minutes old; the oldest of the address with most goes first; "
        "0: any",
    )
    min_free_bytes: int = Field(
        default=64 * MIB,
        ge=0,
        description="free on the disk, at most a tenth of it, below which no pictures of visitors "
        "are taken, so that the database can always write; 0: none",
    )
    uploads_hours: float = Field(
        default=6, gt=0, description="a picture in a form is deleted after this"
    )

    spool_bytes: int = Field(
        default=512 * MIB,
        ge=1,
        description="of requests with pictures that are under way, on disk; and, beside it, of the "
        "pictures that one of four requests checked at a time becomes, and of downloads that are "
        "sent",
    )

    styles_kept: int = Field(
        default=50_000, ge=0, description="measured styles kept, some kilobytes each; 0: none"
    )
    styles_days: float = Field(default=7, gt=0, description="a measured style is deleted after")

    max_upload_bytes: int = Field(default=25 * MIB, ge=1, description="of one picture")
    max_pixels: int = Field(default=25_000_000, ge=1, description="kept of a picture")
    max_output_pixels: int = Field(
        default=18_000_000, ge=1, description="of one result; a side counts as 64 at least"
    )
    max_batch: int = Field(
        default=60,
        ge=1,
        le=MOST_IN_BATCH,
        description="pictures of one batch: its photos times its styles",
    )
    max_batch_bytes: int = Field(
        default=200 * MIB, ge=1, description="of one batch sent through the API"
    )
    max_styles: int = Field(
        default=4, ge=1, le=MOST_STYLES, description="style pictures of one job"
    )
    metrics_token: Annotated[SecretStr, AfterValidator(setting_values.long_enough)] = Field(
        default=SecretStr(""), description="bearer token that opens /metrics from anywhere"
    )
    metrics_from: Annotated[str, AfterValidator(setting_values.networks)] = Field(
        default="127.0.0.1,::1",
        description="without a token, addresses that may read /metrics, comma-separated",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="lines for people, or JSON for a collector"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="to stderr"
    )
    otlp_endpoint: Annotated[str, AfterValidator(setting_values.takes_traces)] = Field(
        default="",
        description="takes OpenTelemetry traces, http://collector:4318/v1/traces; empty: none are",
    )
    fault: str = Field(
        default="",
        pattern=r"^([a-z]+(:[0-9a-f-]+)?)?$",
        description="place, or place:job, where the process is to be killed; for tests only",
    )

    @model_validator(mode="after")
    def _beats_within_lease(self) -> "Settings":
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise ValueError("STUDIO_LEASE_SECONDS must be at least twice STUDIO_HEARTBEAT_SECONDS")
        return self

    @model_validator(mode="after")
    def _whole_provider(self) -> "Settings":
        given = self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret.get_secret_value()
        if any(given) and not all(given):
            raise ValueError(
                "STUDIO_OIDC_ISSUER, STUDIO_OIDC_CLIENT_ID and STUDIO_OIDC_CLIENT_SECRET are set "
                "together"
            )
        return self

    @model_validator(mode="after")
    def _no_faults_in_the_open(self) -> "Settings":
        if self.fault and (self.public_url or self.https_only):
            raise ValueError("STUDIO_FAULT is for tests, and this studio has a public address")
        return self

    @model_validator(mode="after")
    def _frames_over_https(self) -> "Settings":
        if self.frame_ancestors and not self.over_https:
            raise ValueError("STUDIO_FRAME_ANCESTORS needs an https address: STUDIO_PUBLIC_URL")
        return self

    @property
    def over_https(self) -> bool:
        """Whether the visitors reach the studio over https."""
        return self.https_only or self.public_url.lower().startswith("https://")

    @property
    def public_path(self) -> str:
        """The path that the studio lies under, without a slash at its end; "": none."""
        return urlsplit(self.public_url).path.rstrip("/")

    @property
    def serving(self) -> list[str]:
        """The queues this worker serves."""
        return self.serves.split(",")

    @property
    def threads(self) -> int:
        """CPU threads of one job: children × threads = cores."""
        return self.worker_threads or max(1, (os.cpu_count() or 1) // self.worker_concurrency)


def _sentence(error: Any) -> str:  # noqa: ANN401, pydantic's ErrorDetails
    message: str = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = str(error["loc"][0])
    secret = Settings.model_fields[name].annotation is SecretStr
    value = "…" if secret or "@" in str(error["input"]) else repr(error["input"])
    return f"{PREFIX}{name.upper()}={value}: {message}"


def is_setting(variable: str) -> bool:
    """Tell whether an environment variable is read as a setting: in upper or lower case."""
    return variable.upper().startswith(PREFIX)


@cache
def settings() -> Settings:
    """Read the settings, once a process; raises `BadSetting`."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    given = {name.upper() for name in os.environ if is_setting(name)}
    if unknown := sorted(given - known - CLIENTS):
        raise BadSetting(f"{', '.join(unknown)}: no such setting; see `adain-studio settings`")
    try:
        return Settings()
    except ValidationError as error:
        raise BadSetting("\n".join(map(_sentence, error.errors()))) from error
