"""Everything that comes with mabeam, imported, so that all its event types are registered."""

from __future__ import annotations

from typing import Final

from mabeam.core import (
    agent,
    allocation,
    auction,
    bundle_exchange,
    combinatorial,
    consensus,
    hierarchy,
    market,
    negotiation,
    optimisation,
    refinement,
    session,
    variable,
    voting,
)

__all__ = ["DOMAINS"]

DOMAINS: Final = (
    agent,
    allocation,
    auction,
    bundle_exchange,
    combinatorial,
    consensus,
    hierarchy,
    market,
    negotiation,
    optimisation,
    refinement,
    session,
    variable,
    voting,
)
"""The parts of the domain, in alphabetical order."""
