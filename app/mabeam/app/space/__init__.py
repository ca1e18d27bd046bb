"""A space as a person's code sees it."""

from mabeam.app.space.sessions import Session
from mabeam.app.space.space import Space
from mabeam.app.space.variables import ProposalMade

__all__ = ["ProposalMade", "Session", "Space"]
