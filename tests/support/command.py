"""The command `mabeam` in this process, and as a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from mabeam.app.cli import main

__all__ = ["Done", "Running", "environment", "invoke", "run", "start"]

MODULE: Final = (sys.executable, "-m", "mabeam.app.cli")
_TIMEOUT_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Done:
    """A command that has ended.

    Attributes:
        code: Its exit code.
        out: What it wrote to standard output.
        err: What it wrote to standard error.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON is any
        """Its output as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """Its output by lines."""
        return self.out.splitlines()


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of this process, with no settings of mabeam but these."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("MABEAM_")}
    return inherited | {"COLUMNS": "80", "NO_COLOR": "1"} | variables


def invoke(*arguments: str, stdin: bytes = b"", **variables: str) -> Done:
    """Run a command in this process: quick, and measured."""
    out, err = io.StringIO(), io.StringIO()
    with _as_before(), _environment(variables):
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments)
    return Done(code, out.getvalue(), err.getvalue())


def run(*arguments: str, stdin: bytes = b"", **variables: str) -> Done:
    """Run a command in a process of its own."""
    done = subprocess.run(
        [*MODULE, *arguments],
        input=stdin,
        env=environment(**variables),
        capture_output=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextlib.contextmanager
def start(*arguments: str, **variables: str) -> Generator[Running]:
    """Run a command in a process of its own while something else is done; end it at last."""
    process = subprocess.Popen(
        [*MODULE, *arguments],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    running = Running(process)
    try:
        yield running
    finally:
        if process.poll() is None:
            running.end()


class Running:
    """A command that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._err: list[str] = []
        self._said = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def line(self) -> str:
        """Return the next line of its standard output, without the end of line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it ended, saying: {''.join(self._err)}"
        return line.rstrip("\n")

    def await_message(self, text: str) -> str:
        """Return the line in which it has said something on standard error, once it has."""
        with self._said:
            said = self._said.wait_for(
                lambda: any(text in line for line in self._err), _TIMEOUT_SECONDS
            )
        assert said, f"it said: {''.join(self._err)}"
        return next(line for line in self._err if text in line)

    def end(self, number: signal.Signals = signal.SIGTERM) -> Done:
        """Send it a signal and wait for its end."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> Done:
        """Wait for its end."""
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        code = self.process.wait(_TIMEOUT_SECONDS)
        self._listener.join(_TIMEOUT_SECONDS)
        self.close()
        return Done(code, out, "".join(self._err))

    def close(self) -> None:
        """Give its output back."""
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._said:
                self._err.append(line)
                self._said.notify_all()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Generator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment(**variables))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _as_before() -> Generator[None]:
    """Undo what a command sets up for its whole process."""
    root = logging.getLogger()
    handlers, level, stdin = list(root.handlers), root.level, sys.stdin
    try:
        yield
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.stdin = stdin
