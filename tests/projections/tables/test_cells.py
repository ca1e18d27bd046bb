"""What is written into a cell is what was meant, or nothing at all."""

from __future__ import annotations

import json as standard_json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.projections.tables.cells import decimal, instant, json, text, whole
from support.tabled import without_nul

# The server's clock counts in 64 bits.
_TIMES = st.integers(0, 2**63 - 1)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='\0\\u0"é'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="\0\\u0"), inner),
)


@given(st.integers())
def test_a_number_is_kept_if_64_bits_hold_it(number: int) -> None:
    assert whole(number) == (number if number.bit_length() < 64 or number == -(2**63) else None)


@given(st.decimals())
def test_a_decimal_is_exact_and_has_no_exponent_or_is_left_out(number: Decimal) -> None:
    written = decimal(number)
    if written is not None:
        assert Decimal(written) == number
        assert set(written) <= set("-.0123456789")
        assert len(written) < 500
    else:
        assert not number.is_finite() or abs(number.adjusted()) > 100 or len(str(number)) > 100


@pytest.mark.parametrize("number", ["NaN", "sNaN", "-Infinity", "1e999999999", "1e-999999999"])
def test_what_is_no_number_or_has_a_million_digits_is_left_out(number: str) -> None:
    assert decimal(Decimal(number)) is None


@given(_TIMES)
def test_an_instant_is_exact_to_the_microsecond(at_ns: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_ns // 1_000)
    assert datetime.fromisoformat(instant(at_ns)) == moment


@given(_TIMES, _TIMES)
def test_instants_sort_like_the_times_they_stand_for(one: int, other: int) -> None:
    assert (instant(one) <= instant(other)) == (one // 1_000 <= other // 1_000)


@given(_JSON)
def test_json_is_what_it_was_but_for_what_databases_refuse(value: object) -> None:
    written = json(value)
    assert "\\u0000" not in written.replace("\\\\", "")
    assert standard_json.loads(written) == without_nul(value)


def test_text_has_no_character_that_databases_refuse() -> None:
    assert text("a\0b") == "a\ufffdb"
