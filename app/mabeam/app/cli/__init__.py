"""The command `mabeam`.

Commands are loaded when they are named, and import what they need when they run, so that
`mabeam --help` answers at once.
"""

from __future__ import annotations

from mabeam.app.cli.entry import main

__all__ = ["main"]
