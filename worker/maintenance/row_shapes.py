"""What a row may have in each column: what the class of its table declares by annotations."""

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from worker import tables
from worker.storage.database import Base

Shapes = dict[str, TypeAdapter[Any]]  # by column
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


def _of_class(declared: type[Base]) -> Shapes:
    hints = get_type_hints(declared, include_extras=True)
    columns = declared.__mapper__.column_attrs
    return {
        column.columns[0].name: TypeAdapter(get_args(hints[column.key])[0], config=_STRICT)
        for column in columns
    }


@cache
def shapes() -> dict[str, Shapes]:
    """Return the shapes of all columns, by table."""
    assert tables.MODULES  # they are registered
    return {
        str(mapper.class_.__tablename__): _of_class(mapper.class_)
        for mapper in Base.registry.mappers
    }


def check(table: str, row: Mapping[str, object]) -> None:
    """Raise ValueError where a column has something that no program of the studio wrote there."""
    known = shapes()[table]
    for name, value in row.items():
        try:
            known[name].validate_python(value)
        except ValidationError as error:
            raise ValueError(f"{name} is of another shape") from error
