"""What differs between two versions of a payload, and whether recorded events can bear it."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from msgspec import Meta

from mabeam.app.schema.differences import Difference, differences
from mabeam.app.schema.documents import LOCAL, event
from mabeam.app.schema.entries import Entry
from mabeam.app.schema.shapes import Shapes
from mabeam.core.events import Event
from support.payloads import payloads


class Circle(msgspec.Struct, frozen=True, tag="circle"):
    """Round."""

    radius: int


class Square(msgspec.Struct, frozen=True, tag="square"):
    """Not round."""

    side: int = 1


class Tree(msgspec.Struct, frozen=True):
    """Something that holds its like."""

    label: str
    below: tuple[Tree, ...] = ()


class Bush(msgspec.Struct, frozen=True):
    """The same with another label."""

    label: int
    below: tuple[Bush, ...] = ()


def planted(fields: list[Any]) -> type[Event]:
    """Return the class of a payload that has these fields."""
    struct = msgspec.defstruct("Planted", fields, bases=(Event,), frozen=True, kw_only=True)
    assert issubclass(struct, Event)
    return struct


def document(fields: list[Any]) -> dict[str, Any]:
    """Return the schema of an event whose payload has these fields."""
    struct = planted(fields)
    entry = Entry("plant.ed.v1", "trial", struct, "", protocol_only=False)
    return event(entry, Shapes((struct,), LOCAL))


def found(old: list[Any], new: list[Any]) -> list[Difference]:
    return list(differences(document(old), document(new)))


Range = Annotated[int, Meta(ge=1, le=9)]
BREAKING: list[tuple[str, list[Any], list[Any], Difference]] = [
    (
        "a field is removed",
        [("a", int), ("b", str, "")],
        [("a", int)],
        Difference("data.b", "removed", "string", "nothing"),
    ),
    (
        "a field is retyped",
        [("a", int)],
        [("a", str)],
        Difference("data.a", "retyped", "integer", "string"),
    ),
    (
        "a number becomes a whole number",
        [("a", float)],
        [("a", int)],
        Difference("data.a", "retyped", "number", "integer"),
    ),
    (
        "null is no longer taken",
        [("a", int | None, None)],
        [("a", int, 0)],
        Difference("data.a", "another default", "default null", "default 0"),
    ),
    (
        "a required field is added",
        [("a", int)],
        [("a", int), ("b", int)],
        Difference("data.b", "added, required", "nothing", "required"),
    ),
    (
        "a field becomes required",
        [("a", int, 7)],
        [("a", int)],
        Difference("data.a", "made required", "default 7", "required"),
    ),
    (
        "a default changes",
        [("a", int, 7)],
        [("a", int, 8)],
        Difference("data.a", "another default", "default 7", "default 8"),
    ),
    (
        "a lower bound rises",
        [("a", Annotated[int, Meta(ge=1)])],
        [("a", Annotated[int, Meta(ge=2)])],
        Difference("data.a", "narrowed", "minimum 1", "minimum 2"),
    ),
    (
        "an upper bound is set",
        [("a", str)],
        [("a", Annotated[str, Meta(max_length=5)])],
        Difference("data.a", "narrowed", "nothing", "maxLength 5"),
    ),
    (
        "an upper bound falls",
        [("a", Annotated[int, Meta(lt=9)])],
        [("a", Annotated[int, Meta(lt=8)])],
        Difference("data.a", "narrowed", "exclusiveMaximum 9", "exclusiveMaximum 8"),
    ),
    (
        "a pattern is set",
        [("a", str)],
        [("a", Annotated[str, Meta(pattern="^x")])],
        Difference("data.a", "narrowed", "nothing", 'pattern "^x"'),
    ),
    (
        "a choice is taken away",
        [("a", Literal["x", "y"])],
        [("a", Literal["x"])],
        Difference("data.a", "narrowed", '"x" or "y"', '"x"'),
    ),
    (
        "any text becomes a choice",
        [("a", str)],
        [("a", Literal["x", "y"])],
        Difference("data.a", "narrowed", "any", '"x" or "y"'),
    ),
    (
        "an alternative is taken away",
        [("a", Circle | Square)],
        [("a", Circle | None)],
        Difference("data.a", "retyped", 'type "circle" or type "square"', 'null or type "circle"'),
    ),
    (
        "the items of a list are retyped",
        [("a", tuple[int, ...])],
        [("a", tuple[str, ...])],
        Difference("data.a[]", "retyped", "integer", "string"),
    ),
    (
        "the values of a map are narrowed",
        [("a", dict[str, int])],
        [("a", dict[str, Range])],
        Difference("data.a{}", "narrowed", "nothing", "minimum 1"),
    ),
    (
        "something deep within a type that holds itself is retyped",
        [("a", Tree)],
        [("a", Bush)],
        Difference("data.a.label", "retyped", "string", "integer"),
    ),
]
BEARABLE: list[tuple[str, list[Any], list[Any], list[Difference]]] = [
    ("nothing changes", [("a", Tree)], [("a", Tree)], []),
    (
        "a field with a default is added",
        [("a", int)],
        [("a", int), ("b", str, "x")],
        [Difference("data.b", "added", "nothing", 'default "x"')],
    ),
    (
        "a field becomes optional",
        [("a", int)],
        [("a", int, 7)],
        [Difference("data.a", "made optional", "required", "default 7")],
    ),
    (
        "a whole number becomes a number",
        [("a", int)],
        [("a", float)],
        [Difference("data.a", "widened", "integer", "number")],
    ),
    (
        "a range is widened",
        [("a", Annotated[int, Meta(ge=1, le=9)])],
        [("a", Annotated[int, Meta(ge=0)])],
        [
            Difference("data.a", "widened", "minimum 1", "minimum 0"),
            Difference("data.a", "widened", "maximum 9", "nothing"),
        ],
    ),
    (
        "a pattern is lifted",
        [("a", Annotated[str, Meta(pattern="^x")])],
        [("a", str)],
        [Difference("data.a", "widened", 'pattern "^x"', "nothing")],
    ),
    (
        "a choice is added",
        [("a", Literal["x"])],
        [("a", Literal["x", "y"])],
        [Difference("data.a", "widened", '"x"', '"x" or "y"')],
    ),
    (
        "an alternative is added",
        [("a", Circle | None)],
        [("a", Circle | Square | None)],
        [
            Difference(
                "data.a",
                "widened",
                'null or type "circle"',
                'null or type "circle" or type "square"',
            )
        ],
    ),
    (
        "everything is taken",
        [("a", int)],
        [("a", Any)],
        [Difference("data.a", "widened", "integer", "anything")],
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "expected"), [plant[1:] for plant in BREAKING], ids=[p[0] for p in BREAKING]
)
def test_it_breaks_when(old: list[Any], new: list[Any], expected: Difference) -> None:
    assert expected in found(old, new)
    assert expected.is_breaking


@pytest.mark.parametrize(
    ("old", "new", "expected"), [plant[1:] for plant in BEARABLE], ids=[p[0] for p in BEARABLE]
)
def test_it_is_borne_when(old: list[Any], new: list[Any], expected: list[Difference]) -> None:
    assert found(old, new) == expected
    assert not any(one.is_breaking for one in expected)


KINDS: list[Any] = [
    int,
    float,
    str,
    bool,
    int | None,
    int | str,
    tuple[int, ...],
    tuple[float, ...],
    dict[str, int],
    Literal["x", "y"],
    Literal["x"],
    Annotated[int, Meta(ge=0)],
    Annotated[int, Meta(ge=0, le=1000)],
    Annotated[str, Meta(max_length=3)],
    Circle,
    Circle | Square,
    Tree,
]


@cache
def fine_pairs() -> list[tuple[Any, Any]]:
    """Return types of a field of which the check says that one may become the other."""
    documents = [(kind, document([("a", kind)])) for kind in KINDS]
    pairs = [
        (old, new)
        for old, before in documents
        for new, after in documents
        if not any(one.is_breaking for one in differences(before, after))
    ]
    assert len(KINDS) < len(pairs) < len(KINDS) ** 2 / 2
    return pairs


@settings(max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
@given(pair=st.deferred(lambda: st.sampled_from(fine_pairs())), data=st.data())
def test_what_is_called_fine_is_read_and_means_the_same(
    pair: tuple[Any, Any], data: st.DataObject
) -> None:
    """Judged by the code that reads events, on any event of the old type."""
    was, now = (planted([("a", kind)]) for kind in pair)
    body = msgspec.json.encode(data.draw(payloads(was)))
    try:
        before = msgspec.json.decode(body, type=was)
    except msgspec.ValidationError:
        reject()  # A random payload does not keep to the limits of numbers and texts.
    after = msgspec.json.decode(body, type=now)
    assert msgspec.to_builtins(after) == msgspec.to_builtins(before)
