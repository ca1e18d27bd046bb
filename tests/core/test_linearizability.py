"""The checker accepts what has an order and nothing else; an oracle that tries all agrees."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.testing import NOTHING, Operation, Order, Stuck, find_order
from mabeam.core.testing import linearizability as checker

VALUES = ["a", "b", "c"]


def read(value: str, begun: int, ended: int | None) -> Operation:
    return Operation(act="read", value=value, begun=begun, ended=ended)


def put(value: str, begun: int, ended: int | None) -> Operation:
    return Operation(act="write", value=value, begun=begun, ended=ended)


def swap(
    expected: str, value: str, begun: int, ended: int | None, *, refused: bool = False
) -> Operation:
    return Operation(
        act="swap", value=value, expected=expected, refused=refused, begun=begun, ended=ended
    )


# What Herlihy and Wing, Lamport, and the manual of Porcupine show of registers.
LINEARIZABLE: dict[str, list[Operation]] = {
    "nothing happened": [],
    "one after the other": [put("a", 1, 2), read("a", 3, 4), put("b", 5, 6), read("b", 7, 8)],
    "a read beside a write sees either value": [
        put("a", 1, 10),
        read(NOTHING, 2, 4),
        read("a", 5, 7),
    ],
    "two overlapping writes may take either order": [
        put("a", 1, 10),
        put("b", 2, 9),
        read("b", 11, 12),
        read("b", 13, 14),
    ],
    "of two swaps one is refused": [
        swap(NOTHING, "a", 1, 5),
        swap(NOTHING, "b", 2, 6, refused=True),
        read("a", 7, 8),
    ],
    "an unanswered write takes effect late": [
        put("a", 1, None),
        read(NOTHING, 5, 6),
        read("a", 7, 8),
    ],
    "an unanswered write never takes effect": [put("a", 1, None), read(NOTHING, 100, 101)],
    "an unanswered swap explains a refusal": [
        swap(NOTHING, "a", 1, None),
        swap(NOTHING, "b", 2, 3, refused=True),
        swap("a", "c", 4, 5),
    ],
    "an unanswered read says nothing": [read("z", 1, None), read(NOTHING, 2, 3)],
    "an instant that is shared counts as an overlap": [put("a", 1, 5), read(NOTHING, 5, 6)],
    "the first guess must be taken back": [
        put("a", 1, 10),
        put("b", 1, 10),
        put("c", 1, 10),
        read("b", 2, 10),
        read("a", 11, 12),
    ],
}
NOT_LINEARIZABLE: dict[str, list[Operation]] = {
    "a value from nowhere": [read("a", 1, 2)],
    "a stale read": [put("a", 1, 2), read(NOTHING, 3, 4)],
    "new, then old (regular, and not atomic)": [
        put("a", 1, 10),
        read("a", 2, 4),
        read(NOTHING, 5, 7),
    ],
    "readers disagree on the order of two writes": [
        put("a", 1, 10),
        put("b", 1, 10),
        read("a", 11, 12),
        read("b", 13, 14),
    ],
    "both swaps are accepted": [swap(NOTHING, "a", 1, 5), swap(NOTHING, "b", 2, 6)],
    "a swap is refused without a reason": [
        swap(NOTHING, "a", 1, 2),
        swap("a", "b", 3, 4, refused=True),
    ],
    "a write that was acknowledged is lost": [
        swap(NOTHING, "a", 1, 2),
        swap(NOTHING, "b", 3, 4),
    ],
    "an unanswered swap takes effect twice": [
        swap(NOTHING, "a", 1, None),
        read("a", 2, 3),
        swap("a", "b", 4, 5),
        read("a", 6, 7),
    ],
    "an unanswered write takes effect before it was called": [
        read("a", 1, 2),
        put("a", 3, None),
    ],
}


@pytest.mark.parametrize("history", LINEARIZABLE.values(), ids=list(LINEARIZABLE))
def test_a_history_with_an_order_is_accepted(history: list[Operation]) -> None:
    found = find_order(history)
    assert isinstance(found, Order)
    assert is_right(found.operations)


@pytest.mark.parametrize("history", NOT_LINEARIZABLE.values(), ids=list(NOT_LINEARIZABLE))
def test_a_history_without_an_order_is_refused(history: list[Operation]) -> None:
    found = find_order(history)
    assert isinstance(found, Stuck)
    assert is_right(found.operations)


def test_a_refusal_shows_where_the_order_ends() -> None:
    found = find_order([put("a", 1, 2), read("b", 3, 4)])
    assert found == Stuck((put("a", 1, 2),), "a", (read("b", 3, 4),))
    assert str(found).startswith("behind Operation(act='write', value='a'")
    assert str(find_order([read("b", 3, 4)])).startswith("behind the beginning")


def test_a_register_may_begin_with_a_value() -> None:
    assert isinstance(find_order([read("z", 1, 2)], initial="z"), Order)


def test_a_history_too_entangled_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "CONFIGURATIONS_MAX", 20)
    writes = [put(str(number), 1, 100) for number in range(8)]
    with pytest.raises(AssertionError, match="not judged"):
        _ = find_order([*writes, read("never", 101, 102)])


def test_a_long_history_is_judged_at_once() -> None:
    """The search is exponential only in what overlaps."""
    history: list[Operation] = []
    held = NOTHING
    for number in range(2_000):
        at = 10 * number
        history.append(swap(held, str(number), at, at + 9))
        history.append(swap(held, "late", at + 1, at + 11, refused=True))
        held = str(number)
    assert isinstance(find_order(history), Order)
    assert isinstance(find_order([*history, read("0", 20_100, 20_101)]), Stuck)


@dataclass
class Register:
    """A right register and clients that call it, advanced step by step in any interleaving."""

    held: str = NOTHING
    time: int = 0
    history: list[Operation] = field(default_factory=list[Operation])

    def run(self, calls: Iterable[tuple[int, int, str, str, bool]]) -> list[Operation]:
        """Let each call be one of a few clients'; a client finishes one before the next.

        Args:
            calls: Which client, what it calls with which values, and whether it is answered.
        """
        waiting: dict[int, Operation] = {}
        for client, act, value, expected, is_answered in calls:
            self.time += 1
            if client in waiting:
                self.history.append(self.finish(waiting.pop(client)))
            kind: Literal["read", "write", "swap"] = ("read", "write", "swap")[act]
            call = Operation(act=kind, value=value, expected=expected, begun=self.time)
            if is_answered:
                waiting[client] = call
            else:
                # Half of those without an answer take effect, at once.
                if client % 2 and (after := call.on(self.held)) is not None:
                    self.held = after
                self.history.append(call)
        self.history += [self.finish(call) for call in waiting.values()]
        return self.history

    def finish(self, call: Operation) -> Operation:
        self.time += 1
        answer = {"value": self.held} if call.act == "read" else {}
        refused = call.act == "swap" and call.expected != self.held
        done = Operation(
            act=call.act,
            value=answer.get("value", call.value),
            expected=call.expected,
            refused=refused,
            begun=call.begun,
            ended=self.time + 1,
        )
        after = done.on(self.held)
        assert after is not None
        self.held = after
        self.time += 1
        return done


_values = st.sampled_from(VALUES)
_calls = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 2),
        _values,
        _values | st.just(NOTHING),
        st.integers(0, 4).map(bool),
    ),
    max_size=40,
)


@given(_calls)
def test_whatever_a_right_register_answers_is_accepted(
    calls: list[tuple[int, int, str, str, bool]],
) -> None:
    found = find_order(Register().run(calls))
    assert isinstance(found, Order)
    assert is_right(found.operations)


@given(_calls.filter(lambda calls: len(calls) > 3), st.data())
def test_an_answer_from_nowhere_is_refused(
    calls: list[tuple[int, int, str, str, bool]], data: st.DataObject
) -> None:
    history = Register().run(calls)
    begun = data.draw(st.integers(0, max(one.begun for one in history)))
    assert isinstance(find_order([*history, read("nowhere", begun, begun + 2)]), Stuck)


def operation(
    act: Literal["read", "write", "swap"],
    values: tuple[str, str],
    begun: int,
    length: int | None,
    *,
    refused: bool,
) -> Operation:
    return Operation(
        act=act,
        value=values[0],
        expected=values[1],
        refused=refused and act == "swap",
        begun=begun,
        ended=None if length is None else begun + length,
    )


_held = _values | st.just(NOTHING)
_operations = st.builds(
    operation,
    st.sampled_from(["read", "write", "swap"]),
    st.tuples(_held, _held),
    st.integers(0, 12),
    st.none() | st.integers(1, 8),
    refused=st.booleans(),
)


@settings(max_examples=400)
@given(st.lists(_operations, max_size=5))
def test_it_agrees_with_an_oracle_that_tries_every_order(history: list[Operation]) -> None:
    assert isinstance(find_order(history), Order) == has_order(history)


@settings(max_examples=200)
@given(_calls.map(lambda calls: calls[:6]), st.data())
def test_it_agrees_with_the_oracle_on_right_histories_with_one_wrong_answer(
    calls: list[tuple[int, int, str, str, bool]], data: st.DataObject
) -> None:
    history = Register().run(calls)
    reads = [number for number, one in enumerate(history) if one.act != "write"]
    if not reads:
        return
    number = data.draw(st.sampled_from(reads))
    wrong = history[number]
    history[number] = Operation(
        act=wrong.act,
        value=wrong.value if wrong.act == "swap" else data.draw(_values),
        expected=wrong.expected,
        refused=wrong.act == "swap" and wrong.ended is not None and not wrong.refused,
        begun=wrong.begun,
        ended=wrong.ended,
    )
    assert isinstance(find_order(history), Order) == has_order(history)


def has_order(history: Sequence[Operation]) -> bool:
    """Try every order of the answered operations with every choice of the others."""
    answered = [one for one in history if one.ended is not None]
    others = [one for one in history if one.ended is None and one.act != "read"]
    return any(
        is_right(order)
        for count in range(len(others) + 1)
        for chosen in itertools.combinations(others, count)
        for order in itertools.permutations([*answered, *chosen])
    )


def is_right(order: Sequence[Operation]) -> bool:
    """Tell whether an order keeps real time, and all its answers are right in it."""
    held = NOTHING
    latest = 0
    for one in order:
        if one.ended is not None and one.ended < latest:
            return False
        latest = max(latest, one.begun)
        after = one.on(held)
        if after is None:
            return False
        held = after
    return True
