"""What commands about sessions share: open one, speak in it, show how things stand."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, complete_space, placed
from mabeam.app.cli.positions import HOW

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mabeam.app.cli.place import Place
    from mabeam.app.space import Space
    from mabeam.core.session.events import Opening, Speech
    from mabeam.core.session.state import SessionState
    from mabeam.projections.world import World

__all__ = [
    "Said",
    "cancel_session",
    "fields_of",
    "open_session",
    "result_in_words",
    "say_and_write",
    "say_fields",
    "say_in",
    "say_seeing",
    "show_command",
    "write_opened",
    "write_said",
]

OPERATOR: Final = "operator"
_NS: Final = 1_000_000_000


class Said(NamedTuple):
    """A word that was recorded.

    Attributes:
        position: Where it stands.
        doubt: Why it will not count, as far as that is seen; empty otherwise.
    """

    position: int
    doubt: str


def fields_of(file: Path | None, settings: Sequence[str]) -> dict[str, Any]:
    """Return the fields of an opening or a word: those of a file, and those of flags over them.

    Args:
        file: A TOML or JSON file, or None.
        settings: Texts such as ``reserve=10``; the value is read as JSON, else as text.

    Raises:
        Rejected: The file cannot be read so, or a setting has no ``=``.
    """
    found = {} if file is None else _read(file)
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--set {setting!r} is not FIELD=VALUE")
        found[name] = _value(value)
    return found


def _read(file: Path) -> dict[str, Any]:
    import msgspec

    from mabeam.core.errors import Rejected

    raw = file.read_bytes()
    try:
        if file.suffix == ".json":
            return msgspec.json.decode(raw, type=dict[str, Any])
        return tomllib.loads(raw.decode())
    except (msgspec.DecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Rejected(
            "session.file",
            f"{file} cannot be read",
            field="file",
            value=str(error),
            allowed="TOML, or JSON in a file that ends with .json",
        ) from error


def _value(text: str) -> Any:  # noqa: ANN401 - JSON is any
    import msgspec

    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


@asynccontextmanager
async def _joined(
    place: Place, space: str, by: str, *, make: bool = False, coordinate: bool = False
) -> AsyncGenerator[Space]:
    from mabeam.app.composition import attach

    async with (
        place.log(space, make=make) as store,
        attach(store, coordinate=coordinate, identity=by) as joined,
    ):
        yield joined


async def open_session(  # noqa: PLR0913 - where, what, in whose name, and whether to wait
    place: Place, space: str, opening: Opening, *, name: str | None, by: str, wait: bool
) -> tuple[str, SessionState]:
    """Open a session, in a space that is made if it is new, and return its name and state.

    Who waits for its end also coordinates meanwhile, so nothing else need run.

    Raises:
        Rejected: The opening cannot be held, or another session has this name.
    """
    async with _joined(place, space, by, make=True, coordinate=wait) as joined:
        session = await joined.sessions.open(opening, name=name)
        if wait:
            await session.ended()
        return session.name, session.state


async def say_in(place: Place, space: str, name: str, speech: Speech, *, by: str) -> Said:
    """Speak in a session; return where the word stands.

    Raises:
        NotFound: There is no such space or session.
        Rejected: The word could never count.
    """
    return await say_seeing(place, space, name, lambda _: speech, by=by)


async def say_seeing(
    place: Place, space: str, name: str, word: Callable[[SessionState], Speech], *, by: str
) -> Said:
    """Speak in a session with a word that depends on how it stands; return where it stands.

    Raises:
        NotFound: There is no such space or session.
        Rejected: The word could never count, or there is none to say in such a session.
    """
    async with _joined(place, space, by) as joined:
        session = joined.sessions.get(name)
        speech = word(session.state)
        position = await session.say(speech, by=by)
        return Said(position, _doubt(session.state, position, by))


async def say_fields(  # noqa: PLR0913 - where, what and in whose name
    place: Place, space: str, name: str, kind: str, fields: Mapping[str, Any], *, by: str
) -> Said:
    """Speak in a session with a word made of plain fields; return where it stands.

    Raises:
        NotFound: There is no such space or session.
        Rejected: The word could never count, or a field does not fit.
    """
    from mabeam.app.asking import speech_of
    from mabeam.core.session.protocol import protocol_of

    def word(state: SessionState) -> Speech:
        # What the space knows by that name it knows by an opening, or else by stray words.
        assert state.opening is not None
        return speech_of(protocol_of(state.opening), kind, fields)

    return await say_seeing(place, space, name, word, by=by)


def _doubt(state: SessionState, position: int, by: str) -> str:
    from mabeam.app.telling.words import reason_in_words

    refused = state.refused.get(by)
    if state.late.get(by) == position:
        return "it does not count: it came after the closing"
    if refused is not None and refused.position == position:
        return f"it does not count: {reason_in_words(refused.reason)}"
    return ""


def write_said(space: str, name: str, said: Said, *, json: bool) -> None:
    """Write where a word stands, and for people why it does not count."""
    from mabeam.app.cli.output import note, write_json, write_lines

    if json:
        write_json({"space": space, "session": name, "position": said.position})
    else:
        write_lines([str(said.position)])
    if said.doubt:
        note(said.doubt)


def say_and_write(  # noqa: PLR0913 - where, what, in whose name, and how to tell it
    place: Place,
    space: str,
    name: str,
    word: Callable[[SessionState], Speech],
    *,
    by: str,
    json: bool,
) -> None:
    """Speak in a session as `say_seeing` does, and write where the word stands."""
    from mabeam.app.cli.running import complete

    write_said(space, name, complete(say_seeing(place, space, name, word, by=by)), json=json)


def write_opened(name: str, state: SessionState, *, wait: bool, json: bool) -> None:
    """Write the name of a session that was opened, and how it ended if that was awaited."""
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.projections.world import plain

    if json:
        write_json(plain(_shown(name, state)))
    elif wait:
        came_to = result_in_words(state) or state.reason
        write_lines([f"{name}: {state.outcome} {came_to}".rstrip()])
    else:
        write_lines([name])


async def cancel_session(place: Place, space: str, name: str, reason: str, *, by: str) -> None:
    """Take a session back.

    Raises:
        NotFound: There is no such space or session.
        Rejected: It has ended, or somebody else opened it.
    """
    async with _joined(place, space, by) as joined:
        await joined.sessions.get(name).cancel(reason, by=by)


def show_command(meaning: str, examples: Sequence[str]) -> click.Command:
    """Return the command `show` of a group: how a session stands, or stood."""

    @click.command("show", cls=ExampleCommand, examples=examples, help=meaning)
    @click.argument("space", shell_complete=complete_space)
    @click.argument("name")
    @click.option("--at", metavar="POS", help=f"As of this place in the log: {HOW}.")
    @click.option(
        "--follow", is_flag=True, help="Show it again whenever it changes, until it ends."
    )
    @as_json
    @placed
    def show(  # noqa: PLR0913 - each is a choice of its own
        place: Place, space: str, name: str, *, at: str | None, follow: bool, json: bool
    ) -> None:
        from mabeam.app.cli.running import complete

        if at is not None and follow:
            raise click.UsageError("--at and --follow exclude each other")
        complete(_show(place, space, name, at=at, follow=follow, json=json))

    return show


async def _show(  # noqa: PLR0913 - where, which, when and how
    place: Place, space: str, name: str, *, at: str | None, follow: bool, json: bool
) -> None:
    from mabeam.app.cli.reading import world_of
    from mabeam.core.errors import NotFound

    if not follow:
        state = (await world_of(place, space, at)).session(name).state
        if state.opening is None:
            raise NotFound(f"no session {name!r} in space {space!r}")
        _write(name, state, json=json)
        return
    async with _joined(place, space, OPERATOR) as joined:
        seen = joined.sessions.get(name).state
        _write(name, seen, json=json)
        while seen.phase != "ended":
            world = await joined.until(partial(_differs, name, seen))
            seen = world.session(name).state
            _write(name, seen, json=json)


def _differs(name: str, seen: SessionState, world: World) -> bool:
    return world.session(name).state != seen


def _write(name: str, state: SessionState, *, json: bool) -> None:
    from mabeam.app.cli.output import note, write_json, write_lines, write_table
    from mabeam.projections.world import plain

    shown = _shown(name, state)
    if json:
        write_json(plain(shown))
        return
    facts = ("session", "protocol", "rule", "phase", "by", "spoken", "outcome")
    result = result_in_words(state)
    # Why it ended is told by the result, if there is one.
    came_to = ("reason", state.reason) if result is None else ("result", result)
    told = [*((fact, shown[fact]) for fact in facts), came_to]
    write_lines([f"{fact:9} {value}" for fact, value in told if value not in {None, ""}])
    standing = shown["standing"]
    if standing["rows"]:
        write_table([column.upper() for column in standing["columns"]], standing["rows"])
    for remark in standing["remarks"]:
        note(remark)


def result_in_words(state: SessionState) -> str | None:
    """Return what a session came to, and at which price; None if it came to nothing."""
    from mabeam.core import auction, voting
    from mabeam.core.session.protocol import protocol_of

    decision = state.decision
    if decision is None or state.opening is None:
        return None
    result = protocol_of(state.opening).result(decision)
    match decision:
        case (
            auction.AuctionDecided()
            | auction.EnglishAuctionDecided()
            | auction.ClockAuctionDecided()
            | auction.DutchAuctionDecided()
            | auction.CommittedAuctionDecided()
        ) if result is not None:
            return f"{result} at {decision.price}"
        case voting.VoteDecided() if decision.winners:
            # Several winners are no result that a variable could take.
            return ", ".join(decision.winners)
        case _:
            return None if result is None else str(result)


def _shown(name: str, state: SessionState) -> Mapping[str, Any]:
    import msgspec

    from mabeam.core.session.protocol import protocol_of
    from mabeam.core.session.state import standing

    assert state.opening is not None
    protocol = protocol_of(state.opening)
    result = None if state.decision is None else protocol.result(state.decision)
    total = len(state.weights)
    return {
        "session": name,
        "protocol": protocol.name,
        "rule": f"{state.opening.rule.name} v{state.opening.rule.version}",
        "phase": state.phase,
        "by": state.opened_by,
        "spoken": f"{len(state.spoken)} of {total}" if total else str(len(state.spoken)),
        "outcome": state.outcome,
        "result": None if result is None else str(result),
        "reason": state.reason,
        "standing": msgspec.structs.asdict(standing(name, state)),
        "decision": state.decision,
    }
