"""Colours and weights of text on a terminal, and text made harmless for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zlib import crc32

__all__ = ["PLAIN", "Style", "visible"]

_RESET: Final = "\x1b[0m"
# Cyan, magenta, blue and their bright forms: green, yellow and red say how something went.
_NAMES: Final = (36, 35, 34, 96, 95, 94)


@dataclass(frozen=True, slots=True)
class Style:
    """How to set text apart, or not at all where colours are not wanted."""

    colours: bool

    def strong(self, text: str) -> str:
        """Make it stand out."""
        return self._set("1", text)

    def faint(self, text: str) -> str:
        """Let it stand back."""
        return self._set("2", text)

    def good(self, text: str) -> str:
        """Mark what went well."""
        return self._set("32", text)

    def doubtful(self, text: str) -> str:
        """Mark what deserves a look."""
        return self._set("33", text)

    def bad(self, text: str) -> str:
        """Mark what went wrong."""
        return self._set("31", text)

    def name(self, text: str) -> str:
        """Give each name a colour of its own, the same wherever it stands."""
        return self._set(str(_NAMES[crc32(text.strip().encode()) % len(_NAMES)]), text)

    def _set(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}{_RESET}" if self.colours and text else text


PLAIN: Final = Style(colours=False)
"""Text and nothing else."""


def visible(text: str) -> str:
    """Return text on one line with all that would steer a terminal spelled out.

    What agents write reaches the screens of others, and must not do more than be read.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
