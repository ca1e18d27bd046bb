"""The running of agents and coordinators over any store."""

from mabeam.agents.agent import Agent, Answer, Heard, Proposal, hears

__all__ = ["Agent", "Answer", "Heard", "Proposal", "hears"]
