"""`mabeam up --metrics`: figures of the coordinators, and what does not stop them."""

from __future__ import annotations

import tempfile
import urllib.request
from pathlib import Path

import pytest

from mabeam.app.cli.codes import Code
from support.command import Running, invoke, run, start

NOTE = ("--type", "com.example.note", "--subject", "note/1")

pytestmark = pytest.mark.jetstream


@pytest.fixture
def data(scratch_folder: Path) -> Path:
    """A data folder that does not exist yet."""
    return Path(tempfile.mkdtemp(dir=scratch_folder)) / "data"


def facts(up: Running, count: int) -> dict[str, str]:
    """Return what the command tells when it is ready."""
    return dict(up.line().split(maxsplit=1) for _ in range(count))


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the command's own
        return str(answer.read().decode())


@pytest.mark.slow
def test_the_figures_of_what_is_coordinated_are_served(data: Path) -> None:
    at = ("--data", str(data))
    with start("up", "team", *at, "--metrics", "127.0.0.1:0") as up:
        told = facts(up, 5)
        done = run("pub", "team", "1", *NOTE, *at)
        assert done.code == Code.OK
        line = 'mabeam_follower_position{follower="coordinator",space="team"} 1.0'
        text = await_line(told["metrics"], line)
        assert up.end().code == Code.OK
    assert 'mabeam_log_reachable{space="team"} 1.0' in text


@pytest.mark.slow
def test_an_address_that_is_taken_is_said_and_coordination_goes_on(data: Path) -> None:
    with start("up", "team", "--data", str(data), "--metrics", "127.0.0.1:0") as first:
        port = facts(first, 5)["metrics"].rpartition(":")[2].removesuffix("/metrics")
        other = ("--data", str(data.with_name("other")), "--metrics", f"127.0.0.1:{port}")
        with start("up", "team", *other) as second:
            second.await_message(f"metrics cannot be served on 127.0.0.1:{port}")
            second.await_message("Ctrl-C ends")
            assert "metrics" not in facts(second, 4)


def test_the_address_is_told_in_json_too(data: Path) -> None:
    with start("up", "team", "--json", "--data", str(data), "--metrics", "[::1]:0") as up:
        assert '"metrics":"http://[::1]:' in up.line()


@pytest.mark.slow
def test_how_tables_are_kept_is_served_too(data: Path) -> None:
    at = ("--data", str(data))
    assert run("pub", "team", "1", *NOTE, *at).code == Code.OK
    tables = ("team", "--to", f"sqlite:///{data}.db", *at)
    with start("projection", "run", *tables, "--metrics", "127.0.0.1:0") as keeping:
        url = keeping.await_message("metrics http").split()[1]
        _ = await_line(url, 'mabeam_projection_active{projection="tables",space="team"} 1.0')
        _ = await_line(url, 'mabeam_follower_position{follower="tables",space="team"} 1.0')
        assert 'mabeam_projection_parked_events{projection="tables",space="team"} 0.0' in fetch(url)


@pytest.mark.parametrize("text", ["9464", ":9464", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536"])
def test_an_address_that_is_none_is_refused(data: Path, text: str) -> None:
    done = invoke("up", "--data", str(data), "--metrics", text)
    assert done.code == Code.USAGE
    assert f"'{text}'; allowed: HOST:PORT" in done.err
    assert not data.exists()


def await_line(url: str, line: str) -> str:
    """Return the figures when they have a line."""
    for _ in range(10_000):
        text = fetch(url)
        if line in text:
            return text
    pytest.fail(f"never seen: {line}")
