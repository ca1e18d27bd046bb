"""Doing what a page tells its reader to do, and comparing what comes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import Self

from docs.pages import ROOT, Block, Command, agrees, blocks_of, commands_of

__all__ = ["complaints"]

_INTERPRETER = Path(__file__).with_name("interpreter.py")
_TIMEOUT_SECONDS = 60.0
# A page must not do anything else to the machine of whoever runs the tests.
_PROGRAMS = {"cat", "echo", "mabeam", "python"}
# In these a command would be shown without being typed.
_NEVER = {"bash", "py", "pycon", "python3", "sh", "shell", "zsh"}


def complaints(name: str, page: str, folder: Path) -> Iterator[str]:
    """Do what a page says, in an empty folder; tell in what it is wrong.

    Args:
        name: Path of the page, for the complaints.
        page: Its text.
        folder: Where its reader works.
    """
    with Reader(name, folder) as reader:
        blocks = blocks_of(page)
        for block, below in zip_longest(blocks, blocks[1:]):
            if not block.excuse:
                for complaint in reader.follow(block, below):
                    yield f"{name}:{complaint}"
        for file in sorted(reader.unused):
            yield f"{name}: {file} is saved and not used"


class Reader:
    """Somebody who does what one page says."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._environment = _environment(folder)
        self._process: subprocess.Popen[str] | None = None
        self.unused: set[str] = set()

    def __enter__(self) -> Self:
        """Begin with the page."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Be done with it."""
        if self._process is not None:
            _ = self._process.communicate(timeout=_TIMEOUT_SECONDS)

    def follow(self, block: Block, below: Block | None) -> Iterator[str]:
        """Do what a block says, given the one below it; tell in what it is wrong."""
        if block.file:
            yield from self._save(block)
        elif block.language == "python":
            is_output = below is not None and below.language == "text"
            yield from self._run(block, below.text if below is not None and is_output else "")
        elif block.language == "console":
            for command in commands_of(block):
                yield from self._type(command)
        elif block.language in _NEVER:
            yield f"{block.line} is {block.language}; write python or console, which are executed"

    def _save(self, block: Block) -> Iterator[str]:
        if "/" in block.file:
            excerpt = block.text.partition("\n")[2].strip()
            if excerpt not in (ROOT / block.file).read_text("utf-8"):
                yield f"{block.line} differs from {block.file}"
            return
        _ = (self._folder / block.file).write_text(block.text, "utf-8")
        self._uses(block.text)
        self.unused.add(block.file)

    def _uses(self, text: str) -> None:
        self.unused -= {file for file in self.unused if Path(file).stem in text}

    def _run(self, block: Block, shown: str) -> Iterator[str]:
        self._uses(block.text)
        answer = self._ask(block)
        if answer["failure"]:
            yield f"{block.line} fails:\n{answer['failure']}"
        elif not agrees(shown, answer["printed"]):
            yield f"{block.line} prints:\n{answer['printed']}but shown is:\n{shown}"

    def _ask(self, block: Block) -> dict[str, str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(_INTERPRETER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=self._folder,
                env=self._environment,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"source": block.text, "page": self._name, "line": block.line}
        _ = self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, str] = json.loads(self._process.stdout.readline())
        return answer

    def _type(self, command: Command) -> Iterator[str]:
        # What is set for one command stands before it.
        program = next((word for word in command.text.split() if "=" not in word), "")
        if program not in _PROGRAMS:
            yield f"{command.line} `{command.text}` is not executed; say so above it, and why"
            return
        self._uses(command.text)
        done = subprocess.run(
            ["bash", "-c", command.text],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            env=self._environment,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            yield f"{command.line} `{command.text}` ends with {done.returncode}:\n{done.stdout}"
        elif not agrees(command.shown, done.stdout):
            yield f"{command.line} prints:\n{done.stdout}but shown is:\n{command.shown}"


def _environment(folder: Path) -> dict[str, str]:
    """Return the surroundings of somebody who has installed mabeam and set nothing."""
    kept = {name: value for name, value in os.environ.items() if name in {"LANG", "TMPDIR"}}
    programs = [str(Path(sys.executable).parent), os.environ["PATH"]]
    return kept | {
        "PATH": os.pathsep.join(programs),
        "HOME": str(folder),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
