"""Which concurrent proposals commute."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import assume, given
from hypothesis import strategies as st

from mabeam.core.variable import CompositeType, IntegerType, Value
from mabeam.core.variable.merging import rebased

WHOLE = IntegerType(0, 9)
PAIR = CompositeType({"a": WHOLE, "b": WHOLE})
NESTED = CompositeType({"a": WHOLE, "in": PAIR})
SMALL = st.integers(0, 2)
PAIRS = st.fixed_dictionaries({"a": SMALL, "b": SMALL})
NESTS = st.fixed_dictionaries({"a": SMALL, "in": PAIRS})


def test_other_parts_stand_beside_each_other() -> None:
    before, present, wanted = {"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 3}
    assert rebased(PAIR, before, present, wanted) == ({"a": 2, "b": 3}, False)


def test_the_same_part_clashes_and_the_others_stay() -> None:
    before, present, wanted = {"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 3, "b": 1}
    assert rebased(PAIR, before, present, wanted) == ({"a": 3, "b": 2}, True)


def test_parts_of_parts_stand_beside_each_other_too() -> None:
    before = {"a": 0, "in": {"a": 0, "b": 0}}
    present = {"a": 0, "in": {"a": 1, "b": 0}}
    wanted = {"a": 0, "in": {"a": 0, "b": 1}}
    assert rebased(NESTED, before, present, wanted) == ({"a": 0, "in": {"a": 1, "b": 1}}, False)


def test_equal_wishes_never_clash() -> None:
    assert rebased(WHOLE, 0, 3, 3) == (3, False)
    assert rebased(PAIR, {"a": 0, "b": 0}, {"a": 1, "b": 1}, {"a": 1, "b": 1}) == (
        {"a": 1, "b": 1},
        False,
    )


def test_numbers_cannot_be_merged() -> None:
    assert rebased(WHOLE, 0, 3, 4) == (4, True)


def test_who_wants_it_left_alone_contradicts_who_has_changed_it() -> None:
    assert rebased(WHOLE, 0, 3, 0) == (0, True)
    assert rebased(PAIR, {"a": 0, "b": 0}, {"a": 1, "b": 0}, {"a": 0, "b": 0}) == (
        {"a": 0, "b": 0},
        True,
    )


def test_what_is_no_composite_clashes_with_everything() -> None:
    for stray in (3, {}, {"a": 1}, {"a": 1, "c": 2}):
        present: Any = {"a": 1, "b": 1}
        wanted: Any = {"a": 2, "b": 2}
        assert rebased(PAIR, stray, present, wanted) == (wanted, True)
        assert rebased(PAIR, wanted, stray, present) == (present, True)


@given(NESTS, NESTS, NESTS)
def test_what_does_not_clash_commutes(
    before: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    """Either order comes to the same, and both have all that they have touched."""
    assume(before not in (mine, theirs))
    one, clashes = rebased(NESTED, before, theirs, mine)
    two, clashes_too = rebased(NESTED, before, mine, theirs)
    assert clashes == clashes_too
    if not clashes:
        assert one == two
        for value in (mine, theirs):
            _check_touched(before, value, one)


def _check_touched(before: Any, wanted: Any, found: Any) -> None:  # noqa: ANN401 - JSON is any
    if isinstance(wanted, dict):
        for name, part in cast("dict[str, Any]", wanted).items():
            _check_touched(before[name], part, found[name])
    else:
        assert wanted in (before, found)


@given(PAIRS, PAIRS, PAIRS)
def test_nothing_is_undone_silently(before: Value, mine: Value, theirs: Value) -> None:
    """Where both have touched a part and disagree, they clash."""
    assert isinstance(before, dict)
    assert isinstance(mine, dict)
    assert isinstance(theirs, dict)
    both = [n for n in before if before[n] not in (mine[n], theirs[n]) and mine[n] != theirs[n]]
    _, clashes = rebased(PAIR, before, theirs, mine)
    assert clashes or not both
