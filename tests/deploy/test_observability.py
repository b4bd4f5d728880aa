"""Every metric that Prometheus' rules and Grafana's panels name exists."""

import json
import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from web.operations import metrics as shown
from worker.observability import metrics
from worker.storage import processes

FOLDER = Path(__file__).parents[2] / "deploy" / "observability"
DASHBOARD = json.loads((FOLDER / "grafana" / "studio.json").read_text())
ALERTS = yaml.safe_load((FOLDER / "alerts.yml").read_text())


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return panels + [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]


def exported() -> set[str]:
    """The names of everything that `/metrics` can show."""
    metrics.STAGES.labels("picture").observe(1)
    metrics.STYLES.labels("memory").inc()
    metrics.ENDED.labels("done").inc()
    metrics.FAILED.labels("BlobMissing").inc()
    metrics.GPU_MEMORY.labels("used").set(1)
    metrics.BACKUPS.labels("failed").inc()
    metrics.NEWEST_BACKUP.labels("scheduled").set(1)
    processes.touch("here:1", "worker", {}, metrics.exposition())
    text = shown.text().decode()
    return {sample.name for one in text_string_to_metric_families(text) for sample in one.samples}


def test_what_is_drawn_and_what_alarms_is_exported(studio: Path) -> None:
    asked = {name for one in expressions() for name in re.findall(r"studio_\w+", one)}
    assert asked
    assert asked <= exported()


def test_the_dashboard_asks_the_source_that_is_set_up() -> None:
    [source] = yaml.safe_load((FOLDER / "grafana" / "datasource.yml").read_text())["datasources"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    places = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(places) == len(set(places))


def test_prometheus_shows_the_token_that_compose_hands_it() -> None:
    [job] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    compose = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yml").read_text())
    secret = job["authorization"]["credentials_file"].removeprefix("/run/secrets/")
    assert secret in compose["secrets"]
    assert secret in compose["services"]["prometheus"]["secrets"]
