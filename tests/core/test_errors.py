"""What an error tells: facts as attributes for programs, a text for people."""

from __future__ import annotations

import pickle

import pytest

from mabeam.core.errors import (
    CodecError,
    ConfigurationError,
    Conflict,
    DataFolderInUse,
    DowncastFailed,
    EventTooLarge,
    LogGap,
    MabeamError,
    MalformedEvent,
    NotAuthorized,
    NotFound,
    OutcomeUnknown,
    ProjectionError,
    Rejected,
    ReplayDiverged,
    ServerFailed,
    StoreError,
    StoreFull,
    StoreUnavailable,
    UnknownEventType,
    UpcastFailed,
)

TEXTS: list[tuple[MabeamError, str, dict[str, object]]] = [
    (
        Rejected("x.range", "value refused", field="top_p", value=1.5, allowed="0 to 1"),
        "value refused: top_p = '1.5', allowed: 0 to 1 [x.range]",
        {"code": "x.range", "field": "top_p", "value": "1.5", "allowed": "0 to 1"},
    ),
    (Rejected("x.y", "no"), "no [x.y]", {"field": "", "value": "", "allowed": ""}),
    (Rejected("x.y", "no", allowed="yes"), "no, allowed: yes [x.y]", {"detail": "no"}),
    (
        Conflict("session/1", 3, 5),
        "session/1 is at position 5, not at 3: another writer came first",
        {"boundary": "session/1", "expected": 3, "actual": 5},
    ),
    (
        Conflict("session/1", 3, None),
        "session/1 is elsewhere, not at 3: another writer came first",
        {"actual": None},
    ),
    (
        OutcomeUnknown("session/1", "c-1"),
        (
            "the append c-1 to session/1 may or may not have been recorded; "
            "read the boundary for this commit id before trying again"
        ),
        {"boundary": "session/1", "commit_id": "c-1"},
    ),
    (StoreUnavailable("gone"), "gone", {}),
    (StoreFull("9 bytes"), "9 bytes", {}),
    (
        NotAuthorized("mabeam.x.y"),
        "these credentials may not publish on mabeam.x.y",
        {"subject": "mabeam.x.y"},
    ),
    (LogGap(4, 6), "the log skipped from 4 to 6", {"expected": 4, "found": 6}),
    (
        UnknownEventType("a.b.v1", 3),
        "no event type 'a.b.v1' is registered",
        {"type": "a.b.v1", "position": 3},
    ),
    (MalformedEvent("no JSON"), "malformed event: no JSON", {"position": 0}),
    (
        MalformedEvent("no JSON", 7),
        "malformed event at position 7: no JSON",
        {"detail": "no JSON", "position": 7},
    ),
    (
        EventTooLarge(20, 10),
        "the event has 20 bytes, the log takes at most 10",
        {"size": 20, "limit": 10, "position": 0},
    ),
    (
        UpcastFailed("a.b.v1", "KeyError: 'x'", 3),
        "'a.b.v1' at position 3 could not be brought to the present version: KeyError: 'x'",
        {"type": "a.b.v1", "detail": "KeyError: 'x'", "position": 3},
    ),
    (
        UpcastFailed("a.b.v1", "KeyError: 'x'"),
        "'a.b.v1' could not be brought to the present version: KeyError: 'x'",
        {"position": 0},
    ),
    (
        DowncastFailed("a.b.v2", "a.b.v1", "KeyError: 'x'"),
        "'a.b.v2' could not be written as 'a.b.v1': KeyError: 'x'",
        {"type": "a.b.v2", "older": "a.b.v1", "detail": "KeyError: 'x'", "position": 0},
    ),
    (
        ProjectionError("world", 9),
        "projection 'world' failed at position 9",
        {"projection": "world", "position": 9},
    ),
    (NotFound("no session 'x'"), "no session 'x'", {}),
    (
        ReplayDiverged(9, "other winner"),
        "replay diverges at position 9: other winner",
        {"position": 9, "detail": "other winner"},
    ),
    (
        DataFolderInUse("data"),
        "another process serves the data folder data",
        {"folder": "data", "url": ""},
    ),
    (
        DataFolderInUse("data", "nats://h:1"),
        "another process serves the data folder data; use --server nats://h:1",
        {"url": "nats://h:1"},
    ),
    (ServerFailed("no room"), "no room", {}),
]


@pytest.mark.parametrize(("error", "text", "facts"), TEXTS, ids=[text for _, text, _ in TEXTS])
def test_an_error_tells_its_facts(error: MabeamError, text: str, facts: dict[str, object]) -> None:
    assert str(error) == text
    assert {name: getattr(error, name) for name in facts} == facts


@pytest.mark.parametrize(("error", "text", "facts"), TEXTS, ids=[text for _, text, _ in TEXTS])
def test_an_error_crosses_processes_with_its_facts(
    error: MabeamError, text: str, facts: dict[str, object]
) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - these bytes are our own
    assert type(copy) is type(error)
    assert str(copy) == text
    assert {name: getattr(copy, name) for name in facts} == facts


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (Conflict, StoreError),
        (OutcomeUnknown, StoreError),
        (UnknownEventType, CodecError),
        (MalformedEvent, CodecError),
        (DataFolderInUse, ConfigurationError),
        (ServerFailed, ConfigurationError),
    ],
)
def test_errors_with_one_remedy_have_one_base(
    kind: type[MabeamError], base: type[MabeamError]
) -> None:
    assert issubclass(kind, base)


class TestTextOfARefusal:
    """What is refused may be of any size and shape; what a refusal records of it is not."""

    @pytest.mark.parametrize(
        "value",
        [
            "x" * 1_000_000,
            "\n" * 1_000_000,
            {"a": "x" * 1_000_000},
            ["x"] * 100_000,
            {str(number): number for number in range(100_000)},
            10**4_299,
            10**5_000,
        ],
        ids=["text", "lines", "text in a map", "list", "map", "number", "huge number"],
    )
    def test_it_is_short_however_large_the_value(self, value: object) -> None:
        refusal = Rejected("x.y", "no", field="f", value=value)
        assert 0 < len(refusal.value) <= 200
        assert len(str(refusal)) < 1_000

    def test_it_is_short_however_deep_the_value(self) -> None:
        value: object = 1
        for _ in range(100_000):
            value = {"a": value}
        assert len(Rejected("x.y", "no", field="f", value=value).value) <= 200

    def test_it_is_short_however_long_its_other_parts(self) -> None:
        long = "x" * 1_000_000
        refusal = Rejected("x.y", long, field=long, value=1, allowed=long)
        assert len(str(refusal)) < 2_000

    @pytest.mark.parametrize(
        "value", ["", "x" * 200, 0.1, True, {"a": [1, "b"]}, ("a", "b")], ids=repr
    )
    def test_a_short_value_is_shown_in_full(self, value: object) -> None:
        assert Rejected("x.y", "no", field="f", value=value).value == str(value)

    def test_what_is_cut_shows_that_it_was(self) -> None:
        shown = Rejected("x.y", "no", field="f", value="a" * 300).value
        assert shown == "a" * 199 + "…"
