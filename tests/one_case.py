"""`pytest -p tests.one_case`: the first case of each test."""

from collections.abc import Iterable

import pytest


def first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the first case of each test."""
    kept: dict[tuple[str, str], pytest.Item] = {}
    for item in items:
        name = item.originalname if isinstance(item, pytest.Function) else item.name
        kept.setdefault((str(item.path), name), item)
    return list(kept.values())


def keep(config: pytest.Config, items: list[pytest.Item], chosen: list[pytest.Item]) -> None:
    """Leave out all tests but the chosen ones."""
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the first case of each test."""
    keep(config, items, first(items))
