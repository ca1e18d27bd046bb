"""One run of the command line."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Invocation"]


@dataclass(slots=True)
class Invocation:
    """What the command tells the place where errors are reported.

    Attributes:
        verbose: How often ``-v`` was given.
    """

    verbose: int = 0
