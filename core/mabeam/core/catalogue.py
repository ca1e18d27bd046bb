"""Everything that comes with mabeam, imported, so that all its event types are registered."""

from __future__ import annotations

from typing import Final

from mabeam.core import agent, auction, bundle_exchange, combinatorial, consensus, session, variable

__all__ = ["DOMAINS"]

DOMAINS: Final = (agent, auction, bundle_exchange, combinatorial, consensus, session, variable)
"""The parts of the domain, in alphabetical order."""
