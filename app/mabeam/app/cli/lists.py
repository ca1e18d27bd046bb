"""`mabeam agents`, `variables`, `sessions` and `conflicts`: what a space has, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, placed, space_argument
from mabeam.app.cli.positions import HOW

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.projections.world import World

__all__ = ["agents", "conflicts", "sessions", "variables"]

Cell: TypeAlias = bool | int | float | str | dict[str, Any] | tuple[str, ...] | None
Entry: TypeAlias = dict[str, Cell]
Listing: TypeAlias = Callable[["World"], Iterator[Entry]]


def _command(name: str, meaning: str, examples: Sequence[str], listing: Listing) -> click.Command:
    """Return a command that shows what a listing finds in a space."""

    @click.command(name, cls=ExampleCommand, examples=examples, help=meaning)
    @space_argument
    @click.option("--at", metavar="POS", help=f"As of this place in the log: {HOW}.")
    @as_json
    @placed
    def show(place: Place, space: str, at: str | None, *, json: bool) -> None:
        _show(place, space, at, listing, json=json)

    return show


def _show(place: Place, space: str, at: str | None, listing: Listing, *, json: bool) -> None:
    from mabeam.app.cli.output import note, write_json, write_table
    from mabeam.app.cli.reading import world_of
    from mabeam.app.cli.running import complete
    from mabeam.projections.world import plain

    world = complete(world_of(place, space, at))
    entries = list(listing(world))
    if json:
        write_json(plain(entries))
    elif entries:
        headings = [name.upper().replace("_", " ") for name in entries[0]]
        write_table(headings, [[_cell(value) for value in e.values()] for e in entries])
    else:
        note(f"none in space {space} at position {world.position}")


def _cell(value: Cell) -> object:
    from mabeam.app.telling import shown

    match value:
        case None | int():
            return value
        case tuple():
            return ", ".join(value)
        case dict():
            return ", ".join(f"{name} {shown(part)}" for name, part in value.items())
        case _:
            return shown(value)


def _agents(world: World) -> Iterator[Entry]:
    for name in sorted(world.agents):
        state = world.agents[name].state
        yield {
            "name": name,
            "status": state.status,
            "role": state.role,
            "failures": state.failures,
            "capabilities": state.capabilities,
        }


def _variables(world: World) -> Iterator[Entry]:
    from mabeam.app.telling import type_in_words

    for name in sorted(world.variables):
        state = world.variables[name].state
        if state.declaration is not None:
            yield {
                "name": name,
                "value": state.value,
                "position": state.position,
                "changes": state.changes,
                "update": state.declaration.update,
                "type": type_in_words(state.declaration.type),
            }


def _sessions(world: World) -> Iterator[Entry]:
    from mabeam.app.cli.sessions import result_in_words
    from mabeam.core.session.protocol import protocol_of

    found = ((name, world.sessions[name].state) for name in world.sessions)
    for name, state in sorted(found, key=lambda item: item[1].opened_at):
        if state.opening is not None:
            yield {
                "name": name,
                "protocol": protocol_of(state.opening).name,
                "opened_at": state.opened_at,
                "by": state.opened_by,
                "phase": state.phase,
                "outcome": state.outcome,
                "spoken": len(state.spoken),
                "result": result_in_words(state),
            }


def _conflicts(world: World) -> Iterator[Entry]:
    for record in sorted(world.conflicts.values(), key=lambda record: record.detected_at):
        yield {
            "detected_at": record.detected_at,
            "variable": record.variable,
            "kind": record.kind or None,
            "candidates": {c.by or "now": c.value for c in record.candidates},
            "status": record.status,
            "session": record.session or None,
            "value": record.value,
            "winner": record.winner or None,
            "reason": record.reason or None,
        }


agents: Final = _command(
    "agents",
    "List the agents of SPACE.",
    ("mabeam agents team", "mabeam agents team --json | jq '.[] | select(.failures > 0)'"),
    _agents,
)
variables: Final = _command(
    "variables",
    "List the variables of SPACE.",
    ("mabeam variables team", "mabeam variables team --at 12"),
    _variables,
)
sessions: Final = _command(
    "sessions",
    "List the sessions of SPACE, of all protocols.",
    ("mabeam sessions team", "mabeam state team sessions.task-1      everything about one"),
    _sessions,
)
conflicts: Final = _command(
    "conflicts",
    "List the conflicts of SPACE.",
    ("mabeam conflicts team", "mabeam conflicts team --json"),
    _conflicts,
)
