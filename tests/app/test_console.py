"""Tables, colours and harmless text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.app.cli.progress import Progress
from mabeam.app.console.style import PLAIN, Style, visible
from mabeam.app.console.table import fill, table


def test_columns_line_up_and_numbers_stand_to_the_right() -> None:
    lines = table(["NAME", "AT", "NOTE"], [["a", 7, "x"], ["long name", 1234, None]])
    assert lines == [
        "NAME         AT  NOTE",
        "a             7  x",
        "long name  1234",
    ]


def test_a_table_without_rows_is_its_headings() -> None:
    assert table(["A", "B"], []) == ["A  B"]


def test_truth_is_no_number() -> None:
    assert table(["FLAG"], [[True], [False]]) == ["FLAG", "True", "False"]


def test_wide_characters_take_two_columns() -> None:
    lines = table(["N", "X"], [["日本", 1], ["abcd", 2]])
    assert lines[1:] == ["日本  1", "abcd  2"]
    assert fill("日", 4) == "日  "
    assert fill("日", 4, right=True) == "  日"


def test_lines_are_cut_where_the_terminal_ends() -> None:
    assert table(["A"], [["x" * 20]], width_max=8)[1] == "x" * 7 + "…"
    assert table(["A"], [["日" * 20]], width_max=8)[1] == "日日日…"
    assert table(["A"], [["x" * 8]], width_max=8)[1] == "x" * 8


def test_only_headings_are_set_apart() -> None:
    lines = table(["A"], [["x"]], style=Style(colours=True))
    assert lines == ["\x1b[2mA\x1b[0m", "x"]


@given(st.text())
def test_text_on_the_screen_is_one_printable_line(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_what_steers_a_terminal_is_spelled_out() -> None:
    assert visible("\x1b[2J\r\nok\u202e") == "\\x1b[2J\\r\\nok\\u202e"


@pytest.mark.parametrize("style", [PLAIN.strong, PLAIN.faint, PLAIN.good, PLAIN.bad, PLAIN.name])
def test_plain_text_stays_plain(style: object) -> None:
    assert callable(style)
    assert style("x") == "x"


def test_a_name_has_the_same_colour_wherever_it_stands() -> None:
    style = Style(colours=True)
    assert style.name("coder").split("m")[0] == style.name("coder   ").split("m")[0]
    assert len({style.name(name).split("m")[0] for name in "abcdefgh"}) > 1
    assert style.doubtful("") == ""


def test_progress_is_shown_to_terminals_after_a_second(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Progress("events", 1_000) as progress:
        now += 0.9
        progress.reached(90)
        assert capsys.readouterr().err == ""
        now += 0.1
        progress.reached(100)
        shown = capsys.readouterr().err
        assert "100 of 1,000 events, 100/s, 9 s left" in shown
        now += 0.1
        progress.reached(110)
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err == "\r\x1b[K"


def test_progress_is_silent_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with Progress("events", 10) as progress:
        now += 60
        progress.reached(5)
    assert capsys.readouterr().err == ""
