"""The guard ends what it guards, for each reason it may have."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mabeam.infra.embedded import guard
from support.processes import await_end


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of what connects the guard with its owner; the test closes the owner's."""
    guard_end, owner_end = os.pipe()
    yield guard_end, owner_end
    for thread in threading.enumerate():
        if thread.name == "guard":
            thread.join(10)
    os.close(guard_end)


def started(script: str) -> subprocess.Popen[bytes]:
    """Run a shell script, and return when its first command has run."""
    command = ["/bin/sh", "-c", script.replace(";", "; echo;", 1)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    return process


@pytest.mark.parametrize("word", [b".", b""])
def test_a_byte_and_the_end_of_the_pipe_both_end_the_server(
    pipe: tuple[int, int], word: bytes
) -> None:
    server = started(":; exec sleep 60")
    os.write(pipe[1], word)
    os.close(pipe[1])
    assert guard.guard(server, os.getppid(), 10.0, source=pipe[0]) == 128 + 15


def test_a_server_that_does_not_end_in_peace_is_killed(pipe: tuple[int, int]) -> None:
    server = started("trap '' TERM; while :; do :; done")
    os.close(pipe[1])
    assert guard.guard(server, os.getppid(), 0.1, source=pipe[0]) == 128 + 9


def test_a_guard_that_has_another_parent_than_its_owner_ends_the_server(
    pipe: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_LOOK_SECONDS", 0.01)
    server = started(":; exec sleep 60")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").touch()
    # This end stays open, as a process forked from the owner would keep it.
    owner = os.getppid() + 1
    assert guard.guard(server, owner, 10.0, str(folder), pipe[0]) == 128 + 15
    os.close(pipe[1])
    assert not folder.exists()


def test_a_folder_is_left_to_an_owner_that_lives(pipe: tuple[int, int], tmp_path: Path) -> None:
    server = started(":; exec sleep 60")
    os.write(pipe[1], b".")
    guard.guard(server, os.getppid(), 10.0, str(tmp_path), pipe[0])
    os.close(pipe[1])
    assert tmp_path.exists()


def test_the_guard_returns_what_the_server_returns(pipe: tuple[int, int]) -> None:
    server = started(":; exit 7")
    assert guard.guard(server, os.getppid(), 10.0, source=pipe[0]) == 7
    os.close(pipe[1])
    await_end(server.pid, 0)


def test_a_program_that_does_not_exist_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert guard.main(["1", "1", "", "/no/such/program"]) == 127
    assert "/no/such/program could not be started" in capsys.readouterr().err
