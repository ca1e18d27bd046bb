"""Whether colours are wanted where something is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

__all__ = ["shows_colours"]


def shows_colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Tell whether to write colours to a stream.

    ``NO_COLOR`` forbids them and ``FORCE_COLOR`` asks for them, if not empty; otherwise a
    terminal that is not dumb gets them. See https://no-color.org.
    """
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environment.get("TERM") != "dumb"
