"""Samples of payloads that nobody had to write."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from mabeam.core.events import Event, decode_data, encode_data, event_type, registered, type_of
from mabeam.core.testing import samples, unshown
from mabeam.core.variable import Declared

OUR_TYPES = [
    known.struct for known in registered() if known.struct.__module__.startswith("mabeam.")
]


class Circle(msgspec.Struct, frozen=True, tag="circle"):
    """Round."""

    radius: int


class Group(msgspec.Struct, frozen=True, tag="group"):
    """Some shapes, among them perhaps groups."""

    shapes: tuple[Circle | Group, ...]
    named: dict[str, Group] = {}


@event_type("samples.drawn.v1", kind="trial")
class Drawn(Event, frozen=True, kw_only=True):
    """Something was drawn."""

    shape: Circle | Group
    colour: Literal["red", "blue"] = "red"
    is_filled: bool = True
    width: Annotated[int, Meta(ge=3, le=8, multiple_of=4)] = 4
    angle: Annotated[float, Meta(gt=0, lt=0.5)] = 0.1
    scale: Annotated[int, Meta(gt=1, lt=4)] = 2
    code: Annotated[str, Meta(min_length=8, max_length=8)] = ""
    tag: Annotated[str, Meta(pattern="^[a-z]+-2$")] = ""
    tags: Annotated[tuple[str, ...], Meta(min_length=2)] = ("a", "b")
    cost: Decimal = Decimal("1.5")
    at: datetime | None = None
    note: str | int | None = None
    more: Any = "anything"


@event_type("samples.done.v1", kind="trial")
class Done(Event, frozen=True, kw_only=True):
    """It is done; there is nothing more to say."""


class TestSamples:
    @pytest.mark.parametrize("struct", [*OUR_TYPES, Drawn, Done])
    def test_a_sample_is_read_as_it_was_written(self, struct: type[Event]) -> None:
        for sample in samples(struct):
            type_ = type_of(sample)
            assert decode_data(type_, encode_data(sample, type_)) == sample

    @pytest.mark.parametrize("struct", [*OUR_TYPES, Drawn, Done])
    def test_the_first_sample_shows_every_field(self, struct: type[Event]) -> None:
        first = samples(struct)[0]
        written = msgspec.json.decode(encode_data(first, type_of(first)))
        assert written.keys() == set(struct.__struct_fields__)

    @pytest.mark.parametrize("struct", [*OUR_TYPES, Drawn, Done])
    def test_the_same_ones_are_made_up_each_time(self, struct: type[Event]) -> None:
        assert samples(struct) == samples(struct)

    def test_values_keep_to_their_limits_and_away_from_the_default(self) -> None:
        first = samples(Drawn)[0]
        assert first == Drawn(
            shape=Circle(1),
            colour="blue",
            is_filled=False,
            width=8,
            angle=0.25,
            scale=3,
            code="code----",
            tag="tag-2",
            tags=("tags", "tags"),
            cost=Decimal("2.5"),
            at=first.at,  # type: ignore[attr-defined]  # seen above
            note="note",
            more="something",
        )

    def test_each_alternative_has_its_sample_and_no_type_stands_within_itself(self) -> None:
        shapes = [sample.shape for sample in samples(Drawn) if isinstance(sample, Drawn)]
        assert Group((Circle(1),), {}) in shapes
        assert [sample for sample in samples(Drawn) if getattr(sample, "note", "") == 1]

    def test_what_cannot_be_guessed_is_said(self) -> None:
        class Secret(Event, frozen=True, kw_only=True):
            """Something only its author knows."""

            key: Annotated[str, Meta(pattern="^[0-9]{64}$")]

        class Blob(Event, frozen=True, kw_only=True):
            """Something of no kind that payloads have."""

            body: bytes

        class Fixed(Event, frozen=True, kw_only=True):
            """Something that can be nothing but its default."""

            size: Annotated[int, Meta(ge=7, le=7)] = 7

        for struct, field in ((Secret, "key"), (Blob, "body"), (Fixed, "size")):
            with pytest.raises(TypeError, match=f"no sample of {field} can be made up"):
                samples(struct)


class TestUnshown:
    def test_nothing_is_missing_once_all_samples_are_known(self) -> None:
        structs: list[type[Event]] = [*OUR_TYPES, Drawn, Done]
        for struct in structs:
            found = [sample for _, sample in unshown(struct, ())]
            assert found
            assert list(unshown(struct, found)) == []

    def test_a_type_without_fields_is_shown_by_any_event(self) -> None:
        assert list(unshown(Done, ())) == [("", Done())]
        assert list(unshown(Done, [Done()])) == []

    def test_a_field_that_is_left_out_everywhere_is_missing(self) -> None:
        whole = list(samples(Drawn))
        bare = [msgspec.structs.replace(sample, colour="red") for sample in whole]
        assert [place for place, _ in unshown(Drawn, bare)] == ["colour"]

    def test_an_alternative_that_nobody_chose_is_missing(self) -> None:
        whole = [sample for sample in samples(Declared) if isinstance(sample, Declared)]
        some = [sample for sample in whole if type(sample.type).__name__ != "TextType"]
        assert [place for place, _ in unshown(Declared, some)] == ["type.TextType"]
