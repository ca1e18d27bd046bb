"""Log lines as people and machines get them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from mabeam.core.errors import ConfigurationError
from mabeam.infra.observability import bind_log, configure_log, quiet_log, shows_colours

ESCAPE = "\x1b["


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail() -> None:
    password = "open sesame"  # noqa: S105 - the very thing that no line may show
    raise RuntimeError(f"no luck with {len(password)} characters")


def test_a_pipe_gets_json_with_the_place_in_the_log_of_events_first() -> None:
    out = io.StringIO()
    configure_log("info", stream=out, environment={})
    bind_log(space="demo")
    structlog.get_logger().info("decided", entity="session/a", correlation_id="c", position=7)
    [line] = lines(out)
    names = ["timestamp", "level", "event", "space", "position", "correlation_id", "entity"]
    assert list(line) == names
    assert (line["space"], line["position"], line["correlation_id"]) == ("demo", 7, "c")


def test_a_terminal_gets_readable_lines_and_colours() -> None:
    out = Terminal()
    configure_log("info", stream=out, environment={})
    structlog.get_logger().info("decided", position=7)
    text = out.getvalue()
    assert "decided" in text
    assert ESCAPE in text
    assert not text.startswith("{")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_no_colours_gets_none(environment: dict[str, str]) -> None:
    out = Terminal()
    configure_log("info", stream=out, environment=environment)
    structlog.get_logger().info("decided", position=7)
    assert "position=7" in out.getvalue()
    assert ESCAPE not in out.getvalue()


def test_lines_below_the_level_are_not_written() -> None:
    out = io.StringIO()
    configure_log(stream=out, environment={})
    log = structlog.get_logger()
    log.info("unimportant")
    log.warning("important")
    assert [line["event"] for line in lines(out)] == ["important"]


def test_a_logger_made_earlier_follows_the_latest_configuration() -> None:
    log = structlog.get_logger()
    first, second = io.StringIO(), io.StringIO()
    configure_log("debug", stream=first, environment={})
    log.debug("one")
    configure_log("error", stream=second, environment={})
    log.debug("two")
    log.error("three")
    assert [line["event"] for line in lines(first)] == ["one"]
    assert [line["event"] for line in lines(second)] == ["three"]


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()], ids=["pipe", "terminal"])
def test_a_traceback_shows_the_place_and_no_values(out: io.StringIO) -> None:
    configure_log(stream=out, environment={"NO_COLOR": "1"})
    try:
        fail()
    except RuntimeError:
        structlog.get_logger().exception("failed")
    text = out.getvalue()
    assert "in fail" in text
    assert "RuntimeError: no luck" in text
    assert "open sesame" not in text


def test_lines_of_the_standard_library_take_the_same_form() -> None:
    out = io.StringIO()
    configure_log(stream=out, environment={})
    bind_log(space="demo")
    logging.getLogger("asyncio").error("task %s was lost", "x")
    logging.getLogger("asyncio").info("unimportant")
    [line] = lines(out)
    assert (line["event"], line["level"], line["space"]) == ("task x was lost", "error", "demo")


async def test_what_is_bound_reaches_the_tasks_started_after_it() -> None:
    out = io.StringIO()
    configure_log(stream=out, environment={})

    async def speak() -> None:
        structlog.get_logger().warning("here")

    bind_log(space="one")
    first = asyncio.create_task(speak())
    bind_log(space="two")
    await asyncio.gather(first, asyncio.create_task(speak()))
    assert [line["space"] for line in lines(out)] == ["one", "two"]


def test_values_that_json_lacks_are_written_as_text() -> None:
    out = io.StringIO()
    configure_log(stream=out, environment={})
    structlog.get_logger().warning("odd", error=ValueError("no number"), names={"a"})
    [line] = lines(out)
    assert line["error"] == "no number"


def test_an_unknown_level_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="debug, info, warning, error, critical"):
        configure_log("chatty")


@pytest.mark.parametrize(
    ("environment", "terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_follow_the_environment_and_the_stream(
    environment: dict[str, str], *, terminal: bool, expected: bool
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    assert shows_colours(stream, environment) is expected


def test_standard_error_is_where_lines_go_by_default() -> None:
    code = (
        "import structlog; from mabeam.infra.observability import configure_log;"
        "configure_log(); structlog.get_logger().warning('here')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert json.loads(done.stderr)["event"] == "here"


def test_a_program_that_decides_nothing_sees_warnings_beside_its_own_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    structlog.reset_defaults()
    quiet_log()
    structlog.get_logger().info("decided")
    structlog.get_logger().warning("handler failed", agent="coder")
    out, err = capsys.readouterr()
    assert out == ""
    assert "handler failed" in err
    assert "decided" not in err


def test_what_a_program_has_decided_is_left_alone() -> None:
    out = io.StringIO()
    configure_log("info", stream=out, environment={})
    quiet_log()
    structlog.get_logger().info("decided")
    assert [line["event"] for line in lines(out)] == ["decided"]
