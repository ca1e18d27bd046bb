"""The blocks of a page: what it shows, and what of it is done by its reader.

The rules, for whoever writes a page:

- A ``python`` block is run. The blocks of one page are one program, in their order. What a
  block prints stands in a ``text`` block directly below it.
- A ``console`` block is typed. Lines that begin with ``$`` are commands, the lines below each
  are what it prints, on standard output and standard error.
- A block whose first line is a comment with the name of a file, ``# team.py``, is saved under
  that name instead, for the commands of the page. If the name has a folder in it, the block
  is an excerpt of that file of the repository.
- ``...`` in what is shown stands for anything within a line, and alone on a line for any lines;
  a time of day, ``12:34:56``, for any time of day.
- A block below ``<!-- not executed: why -->`` is only shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Block", "Command", "agrees", "blocks_of", "commands_of", "pages"]

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^```(\w*)$")
_EXCUSE = re.compile(r"^<!-- not executed: (.+) -->$")
_TIME = re.compile(r"\d\d:\d\d:\d\d")
_FILE = re.compile(r"^# ([\w/.-]+\.(?:py|toml|json))$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: What the fence says it is.
        text: What stands in it.
        line: Number of its first line on the page.
        excuse: Why it is not executed; empty when it is.
    """

    language: str
    text: str
    line: int
    excuse: str = ""

    @property
    def file(self) -> str:
        """Name of the file that it is to be saved as, or nothing."""
        found = _FILE.match(self.text.partition("\n")[0])
        return found[1] if found else ""


@dataclass(frozen=True)
class Command:
    """A command of a console block, and what it is shown to print."""

    text: str
    shown: str
    line: int


def pages() -> dict[str, str]:
    """Return every page by its path."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths}


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page in their order.

    Raises:
        ValueError: A block has no end.
    """
    found: list[Block] = []
    lines = page.splitlines()
    number = 0
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        number += 1
        if opening is None:
            continue
        end = lines.index("```", number)
        excuse = _EXCUSE.match(lines[number - 2]) if number > 1 else None
        text = "".join(f"{line}\n" for line in lines[number:end])
        found.append(Block(opening[1], text, number + 1, excuse[1] if excuse else ""))
        number = end + 1
    return found


def commands_of(block: Block) -> list[Command]:
    """Return the commands of a console block.

    Raises:
        ValueError: Something stands above the first command.
    """
    found: list[Command] = []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            found.append(Command(line[2:], "", number))
        elif not found:
            raise ValueError(f"line {number} is no command: {line}")
        else:
            last = found.pop()
            found.append(Command(last.text, f"{last.shown}{line}\n", last.line))
    return found


def agrees(shown: str, printed: str) -> bool:
    """Tell whether what a page shows is what was printed."""
    pattern = "".join(map(_pattern, shown.rstrip().splitlines()))
    return re.fullmatch(pattern, f"{printed.rstrip()}\n" if printed.strip() else "") is not None


def _pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*?"
    parts = (re.escape(part) for part in line.rstrip().split("..."))
    return _TIME.sub(r"\\d\\d:\\d\\d:\\d\\d", ".*?".join(parts)) + r"[ \t]*\n"
