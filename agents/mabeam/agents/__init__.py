"""The running of agents and coordinators over any store."""

from mabeam.agents.agent import Agent, Heard, Proposal, hears

__all__ = ["Agent", "Heard", "Proposal", "hears"]
