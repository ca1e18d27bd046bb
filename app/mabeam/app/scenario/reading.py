"""Read scenario files, and say precisely what is wrong with those that are none."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec

from mabeam.app.scenario.checking import Fault, faults
from mabeam.app.scenario.model import (
    AuctionStep,
    ConsensusStep,
    DeclareStep,
    ProposeStep,
    Scenario,
    WaitStep,
)
from mabeam.core.errors import Rejected

__all__ = ["parsed", "scenario_in"]


def scenario_in(file: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        Rejected: It is no TOML, or says something that means nothing; the error names file,
            field, value, and what is allowed there.
        OSError: It cannot be read.
    """
    return parsed(file.read_bytes(), str(file))


def parsed(raw: bytes, name: str) -> Scenario:
    """Read the text of a scenario file; otherwise like `scenario_in`.

    Args:
        raw: The text.
        name: How errors call the file.
    """
    try:
        data = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Rejected("scenario.syntax", f"{name} is no TOML: {error}") from error
    for fault in faults(data, Scenario):
        raise _rejected(name, fault)
    try:
        scenario = msgspec.convert(data, Scenario)
    except msgspec.ValidationError as error:
        raise Rejected("scenario.malformed", f"{name}: {error}") from error
    for fault in _loose_ends(scenario):
        raise _rejected(name, fault)
    return scenario


def _rejected(name: str, fault: Fault) -> Rejected:
    return Rejected(
        "scenario.malformed",
        f"{name}: {fault.detail}",
        field=fault.field,
        value=fault.value,
        allowed=fault.allowed,
    )


def _loose_ends(scenario: Scenario) -> Iterator[Fault]:
    """Say which names the file uses and does not define, or defines twice."""
    agents = [agent.name for agent in scenario.agents]
    yield from _doubles("agents", agents)
    yield from _unknown(scenario, set(agents), set(scenario.variables))
    sessions = [s.name for s in scenario.steps if isinstance(s, AuctionStep | ConsensusStep)]
    yield from _doubles("sessions", sessions)
    declared = [v for s in scenario.steps if isinstance(s, DeclareStep) for v in s.variables]
    yield from _doubles("variables", declared)
    for index, step in enumerate(scenario.steps):
        if isinstance(step, WaitStep):
            yield from _absent(f"steps[{index}].sessions", step.sessions, sessions)


def _unknown(scenario: Scenario, agents: set[str], variables: set[str]) -> Iterator[Fault]:
    for index, step in enumerate(scenario.steps):
        place = f"steps[{index}]"
        match step:
            case AuctionStep():
                yield from _absent(f"{place}.bidders", step.bidders, agents)
                yield from _absent(f"{place}.variable", filter(None, [step.variable]), variables)
            case ConsensusStep():
                yield from _absent(f"{place}.voters", step.voters, agents)
                yield from _absent(f"{place}.variable", filter(None, [step.variable]), variables)
            case ProposeStep():
                yield from _absent(f"{place}.variable", [step.variable], variables)
                by = [proposal.by for proposal in step.proposals]
                yield from _absent(f"{place}.proposals", by, agents)
            case DeclareStep():
                yield from _absent(f"{place}.variables", step.variables, variables)
            case WaitStep():
                pass


def _absent(field: str, names: Iterable[str], known: Collection[str]) -> Iterator[Fault]:
    for name in names:
        if name not in known:
            yield Fault("unknown name", field, name, ", ".join(sorted(known)) or "none")


def _doubles(field: str, names: list[str]) -> Iterator[Fault]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Fault("a name is given twice", field, name, "each name once")
