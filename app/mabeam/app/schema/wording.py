"""What the docstrings of event types say, for readers who do not read Python."""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

import msgspec

__all__ = ["Wording", "wording_of"]

_ENTRY: Final = re.compile(r" {4}(\w+): (.*)")
_SECTION: Final = "Attributes:"
# Readers of JSON may never have seen Python's name for it.
_NULL: Final = re.compile(r"\bNone\b")


class Wording(msgspec.Struct, frozen=True):
    """A class in words.

    Attributes:
        summary: What an instance says.
        fields: What each field means, as far as the docstrings tell.
    """

    summary: str
    fields: dict[str, str]


def wording_of(struct: type[Any]) -> Wording:
    """Read the docstring of a class, and of its bases for the fields it inherits."""
    fields: dict[str, str] = {}
    for base in reversed(struct.__mro__):
        fields |= _split(base)[1]
    return Wording(_split(struct)[0], fields)


def _split(struct: type[Any]) -> tuple[str, dict[str, str]]:
    # An inherited docstring is no summary of the class that inherits it.
    text = inspect.cleandoc(struct.__dict__.get("__doc__") or "")
    summary, _, section = text.partition(_SECTION)
    fields: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            name = entry[1]
            fields[name] = entry[2]
        elif name and line.strip():
            fields[name] += f" {line.strip()}"
    return _plain(summary), {field: _plain(meaning) for field, meaning in fields.items()}


def _plain(text: str) -> str:
    joined = " ".join(text.split()).replace("``", "`")
    return _NULL.sub("null", joined)
