"""The shapes of rows: every column has one, taken from what its class declares."""

import pytest
from sqlalchemy import JSON, Column, Table

from tests import rows
from worker import tables
from worker.maintenance import row_shapes

TABLES = tables.metadata().sorted_tables
OF_JSON = [
    (table, column) for table in TABLES for column in table.columns if isinstance(column.type, JSON)
]


def test_every_column_has_a_shape() -> None:
    expected = {table.name: {column.name for column in table.columns} for table in TABLES}
    assert {name: set(shapes) for name, shapes in row_shapes.shapes().items()} == expected


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_row_of_every_table_fits(table: Table) -> None:
    row_shapes.check(table.name, rows.row(table))


@pytest.mark.parametrize(("table", "column"), OF_JSON, ids=lambda one: one.name)
@pytest.mark.parametrize("value", ["x", 42, True, [[1]], [None]], ids=repr)
def test_every_json_column_refuses_what_has_another_shape(
    table: Table, column: Column[object], value: object
) -> None:
    with pytest.raises(ValueError, match=f"{column.name} is of another shape"):
        row_shapes.check(table.name, {column.name: value})


@pytest.mark.parametrize(("table", "column"), OF_JSON, ids=lambda one: one.name)
def test_only_json_columns_that_may_be_empty_have_nothing(
    table: Table, column: Column[object]
) -> None:
    if column.nullable:
        return row_shapes.check(table.name, {column.name: None})
    with pytest.raises(ValueError, match=f"{column.name} is of another shape"):
        row_shapes.check(table.name, {column.name: None})
