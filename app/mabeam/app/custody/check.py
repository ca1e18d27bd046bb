"""What one thing looked at is found to be, and what to do about it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["Check", "Verdict"]

Verdict: TypeAlias = Literal["ok", "warn", "fail"]


class Check(msgspec.Struct, frozen=True):
    """One thing looked at.

    Attributes:
        name: What.
        verdict: ``fail`` keeps mabeam from working, ``warn`` deserves a look.
        found: How it is.
        fix: What to do about it; empty if nothing.
    """

    name: str
    verdict: Verdict
    found: str
    fix: str = ""
