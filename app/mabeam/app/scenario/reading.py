"""Read scenario files, and say precisely what is wrong with those that are none."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from mabeam.agents.policies import policies, policy_of
from mabeam.app.scenario.checking import Fault, choice_faults, faults
from mabeam.app.scenario.model import (
    AuctionStep,
    ConsensusStep,
    DeclareStep,
    HeldStep,
    ProposeStep,
    SayStep,
    Scenario,
    SessionStep,
    WaitStep,
)
from mabeam.core.asking import opening_of, speech_of
from mabeam.core.errors import Rejected
from mabeam.core.session.protocol import check_opening, protocol_named
from mabeam.core.subjects import Boundary

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
    for fault in chain(_misfits(scenario), _loose_ends(scenario)):
        raise _rejected(name, fault)
    return scenario


def _misfits(scenario: Scenario) -> Iterator[Fault]:
    """Say which policies, openings and words are none; their structs are found by name."""
    for index, agent in enumerate(scenario.agents):
        for number, policy in enumerate(agent.policies):
            yield from _policy_faults(policy, f"agents[{index}].policies[{number}]")
    for index, step in enumerate(scenario.steps):
        if isinstance(step, SessionStep):
            yield from _opening_faults(step, f"steps[{index}]")
        elif isinstance(step, SayStep):
            yield from _speech_faults(scenario, step, f"steps[{index}]")


def _policy_faults(policy: dict[str, Any], place: str) -> Iterator[Fault]:
    found = list(choice_faults(policy, policies(), "policy", place))
    yield from found
    if not found:
        try:
            policy_of(policy)
        except Rejected as refusal:
            yield _fault(refusal, place)


def _opening_faults(step: SessionStep, place: str) -> Iterator[Fault]:
    try:
        protocol_named(step.protocol)
    except Rejected as refusal:
        yield Fault(refusal.detail, f"{place}.protocol", step.protocol, refusal.allowed)
        return
    try:
        check_opening(opening_of(step.protocol, step.fields))
    except Rejected as refusal:
        yield _fault(refusal, f"{place}.fields")


def _speech_faults(scenario: Scenario, step: SayStep, place: str) -> Iterator[Fault]:
    protocols = {s.name: _protocol_of(s) for s in scenario.steps if isinstance(s, HeldStep)}
    if step.session not in protocols:
        # Which protocol a conflict leads to is seen when it has.
        return
    try:
        protocol = protocol_named(protocols[step.session])
        speech_of(protocol, step.type, step.fields)
    except Rejected as refusal:
        field = "type" if refusal.field == "type" else "fields"
        yield _fault(refusal, f"{place}.{field}")


def _protocol_of(step: HeldStep) -> str:
    match step:
        case AuctionStep():
            return "auction"
        case ConsensusStep():
            return "consensus"
        case SessionStep():
            return step.protocol


def _fault(refusal: Rejected, place: str) -> Fault:
    inside = place.endswith(f".{refusal.field}") or not refusal.field
    field = place if inside else f"{place}.{refusal.field}"
    return Fault(refusal.detail, field, refusal.value, refusal.allowed)


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
    sessions = [s.name for s in scenario.steps if isinstance(s, HeldStep)]
    yield from _doubles("sessions", sessions)
    declared = [v for s in scenario.steps if isinstance(s, DeclareStep) for v in s.variables]
    yield from _doubles("variables", declared)
    for index, step in enumerate(scenario.steps):
        if isinstance(step, WaitStep):
            yield from _absent(f"steps[{index}].sessions", step.sessions, sessions)
        elif isinstance(step, SayStep):
            known = (*sessions, *(str(Boundary("variable", v)) for v in scenario.variables))
            yield from _absent(f"steps[{index}].session", [step.session], known)


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
            case SessionStep():
                opening = opening_of(step.protocol, step.fields)
                named = [participant.agent for participant in opening.participants]
                yield from _absent(f"{place}.fields.participants", named, agents)
                at_stake = filter(None, [opening.variable])
                yield from _absent(f"{place}.fields.variable", at_stake, variables)
            case SayStep():
                yield from _absent(f"{place}.by", [step.by], agents)
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
