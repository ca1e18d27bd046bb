"""Rows that every database keeps as they are, and those that are refused."""

from __future__ import annotations

import pytest

from mabeam.core.errors import Rejected
from mabeam.core.tables import Column, Row, Table, Value, check_row, key_of

TABLE = Table(
    "things",
    "a thing",
    (
        Column("name", "text", "its name", is_key=True),
        Column("size", "integer", "in bytes"),
        Column("number", "integer", "its number", is_key=True),
        Column("is_big", "boolean", "whether it is big"),
        Column("price", "decimal", "in euro", is_optional=True),
    ),
)


def row(
    name: Value = "a",
    size: Value = 1,
    number: Value = 2,
    is_big: Value = True,  # noqa: FBT002 - one of the values
    price: Value = "1.5",
) -> Row:
    return Row("things", (name, size, number, is_big, price))


def test_the_key_is_made_of_the_key_columns() -> None:
    assert key_of(TABLE, row("x", 5, 7)) == ("x", 7)


@pytest.mark.parametrize(
    "good",
    [
        row(),
        row(name=""),
        row(name="größe \U0001f600 \x01"),
        row(size=2**63 - 1),
        row(size=-(2**63)),
        row(is_big=False),
        row(price=None),
    ],
)
def test_a_row_that_fits_is_taken(good: Row) -> None:
    check_row(TABLE, good)


@pytest.mark.parametrize(
    ("bad", "field", "shown"),
    [
        (row(name="a\0b"), "things.name", "'a\\x00b'"),
        (row(name="\ud800"), "things.name", "'\\ud800'"),
        (row(name=1), "things.name", "1"),
        (row(name=None), "things.name", "nothing"),
        (row(size=2**63), "things.size", str(2**63)),
        (row(size=-(2**63) - 1), "things.size", str(-(2**63) - 1)),
        (row(size=True), "things.size", "True"),
        (row(size="1"), "things.size", "'1'"),
        (row(is_big=1), "things.is_big", "1"),
        (row(price=1), "things.price", "1"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_refused(bad: Row, field: str, shown: str) -> None:
    with pytest.raises(Rejected) as raised:
        check_row(TABLE, bad)
    assert (raised.value.code, raised.value.field) == ("row.value", field)
    assert raised.value.value == shown
    assert raised.value.allowed


def test_a_row_with_too_few_values_is_refused() -> None:
    with pytest.raises(Rejected, match=r"things = '1', allowed: 5 \[row\.length\]"):
        check_row(TABLE, Row("things", ("a",)))
