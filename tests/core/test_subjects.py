"""Names, and the subjects that carry them."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mabeam.core.errors import MalformedEvent, Rejected
from mabeam.core.subjects import (
    EVERYTHING,
    LENGTH_MAX,
    Boundary,
    Filter,
    boundary_filter,
    check_name,
    check_space,
    escape,
    event_token,
    parse_subject,
    subject_filter,
    subject_of,
    unescape,
)

# Surrogates stand for no character, and JSON readers refuse them.
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
LEGAL_NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=16).filter(
    lambda name: len(escape(name)) <= LENGTH_MAX["kind"]
)
FIELDS = st.sampled_from(["kind", "entity", "event", "actor"])
SAFE = re.compile(r"[A-Za-z0-9_=-]+")


class TestEscape:
    @given(NAMES)
    def test_it_is_reversible(self, name: str) -> None:
        assert unescape(escape(name)) == name

    @given(NAMES, NAMES)
    def test_distinct_names_give_distinct_tokens(self, one: str, two: str) -> None:
        assert (escape(one) == escape(two)) == (one == two)

    @given(NAMES)
    def test_a_token_has_only_safe_characters(self, name: str) -> None:
        assert SAFE.fullmatch(escape(name))

    @pytest.mark.parametrize(
        ("name", "token"),
        [
            ("abc_XYZ-09", "abc_XYZ-09"),
            ("a.b", "a=2Eb"),
            ("*", "=2A"),
            (">", "=3E"),
            ("=", "=3D"),
            ("=41", "=3D41"),
            ("a b", "a=20b"),
            ("é", "=C3=A9"),
            ("🦊", "=F0=9F=A6=8A"),
            ("\0", "=00"),
        ],
    )
    def test_what_a_server_would_read_otherwise_is_written_in_hexadecimal(
        self, name: str, token: str
    ) -> None:
        assert escape(name) == token
        assert unescape(token) == name

    @pytest.mark.parametrize(
        "token", ["", "a.b", "a b", "=", "=4", "=4x", "=c3", "é", "=FF", "=C3", "=ED=A0=80"]
    )
    def test_a_token_that_no_name_has_is_refused(self, token: str) -> None:
        with pytest.raises(MalformedEvent, match="is no escaped name"):
            unescape(token)

    @pytest.mark.parametrize("token", ["=41", "a=5Fb", "=2D", "=30"])
    def test_a_second_token_for_a_name_is_refused(self, token: str) -> None:
        """Else two subjects would belong to one entity, and no filter would hold both."""
        with pytest.raises(MalformedEvent, match="is no escaped name"):
            unescape(token)

    @given(st.text("=AF09az.", max_size=8))
    def test_a_token_is_read_only_if_it_is_written_so(self, token: str) -> None:
        try:
            name = unescape(token)
        except MalformedEvent:
            return
        assert escape(name) == token

    def test_a_lone_surrogate_can_be_escaped_to_be_shown(self) -> None:
        assert escape("\ud800") == "=ED=A0=80"


class TestNames:
    @given(FIELDS, NAMES)
    def test_a_name_passes_if_it_is_printable_and_short(self, field: str, name: str) -> None:
        legal = name.isprintable() and name == name.strip()
        assume(len(escape(name)) <= LENGTH_MAX[field])
        if legal:
            assert check_name(field, name) == name
        else:
            with pytest.raises(Rejected):
                check_name(field, name)

    @pytest.mark.parametrize("field", ["kind", "entity", "event", "actor"])
    def test_a_name_may_be_as_long_as_allowed_and_no_longer(self, field: str) -> None:
        longest = "x" * LENGTH_MAX[field]
        assert check_name(field, longest) == longest
        with pytest.raises(Rejected) as caught:
            check_name(field, longest + "x")
        assert (caught.value.code, caught.value.field) == ("name.illegal", field)
        assert caught.value.value == longest + "x"
        assert str(LENGTH_MAX[field]) in caught.value.allowed

    def test_characters_that_are_escaped_count_as_they_are_written(self) -> None:
        check_name("kind", "é" * 2)
        with pytest.raises(Rejected):
            check_name("kind", "é" * 3)

    @pytest.mark.parametrize("name", ["", " ", " a", "a ", "a\n", "\t", "a\0b", "\ud800", "\u200b"])
    def test_a_name_that_nobody_can_see_is_refused(self, name: str) -> None:
        with pytest.raises(Rejected):
            check_name("actor", name)

    @pytest.mark.parametrize("space", ["a", "A-Z_09", "x" * 32])
    def test_a_space_has_a_plain_name(self, space: str) -> None:
        assert check_space(space) == space

    @pytest.mark.parametrize("space", ["", "a.b", "a b", "é", "*", ">", "x" * 33, "a\n"])
    def test_another_name_of_a_space_is_refused(self, space: str) -> None:
        with pytest.raises(Rejected) as caught:
            check_space(space)
        assert (caught.value.field, caught.value.value) == ("space", space)
        assert caught.value.allowed == "1 to 32 characters of A-Z a-z 0-9 _ -"

    def test_the_longest_subject_stays_below_what_the_server_advises(self) -> None:
        longest = {field: "x" * length for field, length in LENGTH_MAX.items()}
        subject = subject_of(
            longest["space"],
            Boundary(longest["kind"], longest["entity"]),
            longest["event"],
            longest["actor"],
        )
        assert len(subject) < 256


class TestBoundaries:
    @given(LEGAL_NAMES, LEGAL_NAMES)
    def test_a_boundary_is_read_as_it_is_written(self, kind: str, entity: str) -> None:
        assume("/" not in kind)
        boundary = Boundary(kind, entity)
        assert Boundary.parse(str(boundary)) == boundary

    def test_an_entity_may_have_slashes(self) -> None:
        assert Boundary.parse("session/a/b") == Boundary("session", "a/b")

    @pytest.mark.parametrize(
        ("text", "field"),
        [("session", "subject"), ("", "subject"), ("/x", "kind"), ("session/", "entity")],
    )
    def test_what_is_no_boundary_is_refused(self, text: str, field: str) -> None:
        with pytest.raises(Rejected) as caught:
            Boundary.parse(text)
        assert caught.value.field == field

    def test_boundaries_have_an_order(self) -> None:
        assert min(Boundary("b", "a"), Boundary("a", "z")) == Boundary("a", "z")


class TestSubjects:
    @given(NAMES, NAMES, NAMES, NAMES)
    def test_a_subject_gives_its_names_back(
        self, kind: str, entity: str, event: str, actor: str
    ) -> None:
        subject = subject_of("s", Boundary(kind, entity), event, actor)
        assert parse_subject(subject) == (kind, entity, event, actor)

    @pytest.mark.parametrize("subject", ["", "mabeam", "mabeam.s.k.e.v", "mabeam.s.k.e.v.a.more"])
    def test_another_number_of_tokens_is_refused(self, subject: str) -> None:
        with pytest.raises(MalformedEvent, match=rf"has {subject.count('.') + 1} tokens, not 6"):
            parse_subject(subject)

    @pytest.mark.parametrize("place", range(2, 6))
    def test_a_token_that_no_name_has_is_refused_wherever_it_stands(self, place: int) -> None:
        tokens = ["mabeam", "s", "k", "e", "v", "a"]
        tokens[place] = "=zz"
        with pytest.raises(MalformedEvent, match="=zz"):
            parse_subject(".".join(tokens))

    @pytest.mark.parametrize(
        ("type_", "token"),
        [
            ("mabeam.auction.bid_placed.v1", "bid_placed"),
            ("com.example.note", "note"),
            ("note", "note"),
            ("v1", "v1"),
            ("a.v1.v2", "v1"),
            ("a.version", "version"),
            ("", ""),
        ],
    )
    def test_the_short_name_of_a_type_is_its_last_word_before_the_version(
        self, type_: str, token: str
    ) -> None:
        assert event_token(type_) == token

    def test_the_filter_of_a_boundary_ends_openly(self) -> None:
        assert boundary_filter("s", Boundary("ki.nd", "1")) == "mabeam.s.ki=2End.1.>"

    @pytest.mark.parametrize(
        ("wanted", "subject"),
        [
            (EVERYTHING, "mabeam.s.>"),
            (Filter(kind="session"), "mabeam.s.session.*.*.*"),
            (Filter(entity="*"), "mabeam.s.*.=2A.*.*"),
            (Filter(event="bid_placed", actor="ann"), "mabeam.s.*.*.bid_placed.ann"),
            (Filter("a", "b", "c", "d"), "mabeam.s.a.b.c.d"),
        ],
        ids=str,
    )
    def test_a_filter_is_written_as_a_subject(self, wanted: Filter, subject: str) -> None:
        assert subject_filter("s", wanted) == subject


class TestFilters:
    NAMES = ("session", "1", "bid_placed", "ann")

    def test_everything_matches(self) -> None:
        assert EVERYTHING.matches(*self.NAMES)
        assert Filter(*self.NAMES).matches(*self.NAMES)

    @pytest.mark.parametrize("field", ["kind", "entity", "event", "actor"])
    def test_each_name_must_match(self, field: str) -> None:
        assert not Filter(**{field: "other"}).matches(*self.NAMES)
        own = self.NAMES[["kind", "entity", "event", "actor"].index(field)]
        assert Filter(**{field: own}).matches(*self.NAMES)

    @pytest.mark.parametrize("field", ["kind", "entity", "event", "actor"])
    def test_a_name_that_is_empty_is_refused(self, field: str) -> None:
        with pytest.raises(Rejected) as caught:
            Filter(**{field: ""})
        assert (caught.value.code, caught.value.field) == ("name.illegal", field)
