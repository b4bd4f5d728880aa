"""A row for every table, whatever its columns are."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    insert,
)

from worker import tables

JOB = "01a2150d-2569-72c7-af7c-b7f3812b1cbc"  # shaped as a job's id
OWNER = "0123456789abcdef0123456789abcdef"
BYTES = bytes(range(256))
_OF_TYPE: dict[type, object] = {  # the first that fits
    JSON: {"word": "ä", "list": [1, None]},
    LargeBinary: BYTES,
    Boolean: True,
    Float: 1795649512.25,
    BigInteger: 1 << 40,
    Integer: 7,
    String: "text",
}
_NAMED: dict[str, object] = {
    "id": JOB,
    "job_id": JOB,
    "owner": OWNER,
    "visitor": OWNER,
    "who": f"owner:{OWNER}",
}
_OF_JOB: dict[str, object] = {
    "status": "done",
    "content_key": f"{JOB}/content.png",
    "style_keys": [f"{JOB}/style-0.png"],
    "mask_keys": [f"{JOB}/mask-0.png"],
    "result_key": f"{JOB}/result-1.png",
    "thumbnail_key": f"{JOB}/thumbnail-1.jpg",
    "style_digests": ["0" * 64],
    "batch": JOB,
    "lease_until": None,
    "taught_key": f"{JOB}/taught-1.safetensors",
    "film": {"seconds": 2.5, "most": 1000},
    "film_key": f"{JOB}/film-1.mp4",
    "attempt": 1,
    "released": 0,
    "files": None,
}
_NAMES: list[object] = ["ä", "text"]
_MORE: dict[str, dict[str, object]] = {  # where not every value of the type is one
    "jobs": _OF_JOB
    | {"options": {"alpha": 0.5}, "notices": [{"code": "x"}], "timings": {"a": 1.5}},
    "batches": {"options": {"alpha": 0.5}, "photos": _NAMES, "styles": _NAMES},
    "deliveries": {"state": "delivered"},
    "entries": {"tags": _NAMES, "named_styles": {"0": "ä"}},
    "gate": {"state": "paused"},
    "parts": {"stored": None},
    "previews": {"options": {"alpha": 0.5}, "pictures": {"key": "ä"}},
}
KEYS = sorted(
    f"{JOB}/{name}"
    for name in (
        "content.png",
        "style-0.png",
        "mask-0.png",
        "result-1.png",
        "thumbnail-1.jpg",
        "taught-1.safetensors",
        "source.film",
        "film-1.mp4",
    )
)


def _value(column: Column[Any]) -> object:
    """Return a value of the column's type; KeyError for a type that has none here."""
    for type_, value in _OF_TYPE.items():
        if isinstance(column.type, type_):
            return value
    raise KeyError(f"no value of type {column.type!r}, which {column} has")


def row(table: Table) -> dict[str, object]:
    """Return a row with a value in every column."""
    values = {column.name: _value(column) for column in table.columns}
    values |= {name: value for name, value in _NAMED.items() if name in values}
    more = _MORE.get(table.name, {})
    return values | {name: value for name, value in more.items() if name in values}


def fill(connection: Connection) -> None:
    """Put one row into each table, in place of what is there."""
    for table in tables.metadata().sorted_tables:
        connection.execute(delete(table))
        connection.execute(insert(table).values(row(table)))
