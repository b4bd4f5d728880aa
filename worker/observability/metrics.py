"""Prometheus metrics of one process.

Every process writes its metrics with its heartbeat, as text into its row of `processes`; the web
server exposes those of all, so that Prometheus need not reach the workers.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

REGISTRY = CollectorRegistry()

disable_created_metrics()  # type: ignore[no-untyped-call]

STAGES = Histogram(
    "studio_stage_seconds",
    "Seconds that jobs made together spent in a stage.",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
    registry=REGISTRY,
)
TOGETHER = Histogram(
    "studio_micro_batch_jobs",
    "Jobs made at once.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
    registry=REGISTRY,
)
STYLES = Counter(
    "studio_style_measures",
    "Style pictures: measured, or found in memory or in the store.",
    ["found"],
    registry=REGISTRY,
)
ENDED = Counter("studio_jobs_ended", "Jobs that came to an end.", ["state"], registry=REGISTRY)
FAILED = Counter("studio_failures", "Jobs that failed, by reason.", ["reason"], registry=REGISTRY)
HALVED = Counter(
    "studio_micro_batches_halved", "Micro-batches that did not work as a whole.", registry=REGISTRY
)
GPU_MEMORY = Gauge(
    "studio_gpu_memory_bytes", "Memory of the worker's GPU.", ["what"], registry=REGISTRY
)
BACKUPS = Counter(
    "studio_backups", "Scheduled back-ups, by how they ended.", ["outcome"], registry=REGISTRY
)
NEWEST_BACKUP = Gauge(
    "studio_newest_backup_timestamp_seconds",
    "When the newest back-up of a kind was made.",
    ["kind"],
    registry=REGISTRY,
)


def styles() -> dict[str, int]:
    """Return how many styles were measured, and how many found in memory or in the store."""
    [found] = STYLES.collect()
    return {
        one.labels["found"]: int(one.value) for one in found.samples if one.name.endswith("_total")
    }


def exposition() -> str:
    """Return all metrics in Prometheus' text format."""
    return generate_latest(REGISTRY).decode()
