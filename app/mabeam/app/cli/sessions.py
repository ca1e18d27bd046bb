"""What commands about sessions share: open one, speak in it, show how things stand."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mabeam.app.cli.place import Place
    from mabeam.app.space import Space
    from mabeam.app.space.sessions import Session
    from mabeam.core.session.events import Opening, Speech
    from mabeam.core.session.state import SessionState
    from mabeam.projections.world import World

__all__ = [
    "cancel_session",
    "fields_of",
    "open_session",
    "say_fields",
    "say_in",
    "say_seeing",
    "session_shown",
    "show_session",
]

OPERATOR: Final = "operator"
_NS: Final = 1_000_000_000


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


async def say_in(place: Place, space: str, name: str, speech: Speech, *, by: str) -> int:
    """Speak in a session; return the position of the word.

    Raises:
        NotFound: There is no such space or session.
        Rejected: The word could never count.
    """
    async with _joined(place, space, by) as joined:
        return await _said(joined.sessions.get(name), speech, by)


async def say_seeing(
    place: Place, space: str, name: str, word: Callable[[SessionState], Speech], *, by: str
) -> int:
    """Speak in a session with a word that depends on how it stands; return its position.

    Raises:
        NotFound: There is no such space or session.
        Rejected: The word could never count, or there is none to say in such a session.
    """
    async with _joined(place, space, by) as joined:
        session = joined.sessions.get(name)
        return await _said(session, word(session.state), by)


async def say_fields(  # noqa: PLR0913 - where, what and in whose name
    place: Place, space: str, name: str, kind: str, fields: Mapping[str, Any], *, by: str
) -> int:
    """Speak in a session with a word made of plain fields; return its position.

    Raises:
        NotFound: There is no such space or session.
        Rejected: The word could never count, or a field does not fit.
    """
    from mabeam.app.asking import speech_of
    from mabeam.core.session.protocol import protocol_of

    async with _joined(place, space, by) as joined:
        session = joined.sessions.get(name)
        opening = session.state.opening
        # What the space knows by that name it knows by an opening, or else by stray words.
        assert opening is not None
        return await _said(session, speech_of(protocol_of(opening), kind, fields), by)


async def _said(session: Session[Any], speech: Speech, by: str) -> int:
    from mabeam.app.cli.output import note
    from mabeam.app.telling.words import reason_in_words

    position = await session.say(speech, by=by)
    refused = session.state.refused.get(by)
    if session.state.late.get(by) == position:
        note("it does not count: it came after the closing")
    elif refused is not None and refused.position == position:
        note(f"it does not count: {reason_in_words(refused.reason)}")
    return position


async def cancel_session(place: Place, space: str, name: str, reason: str, *, by: str) -> None:
    """Take a session back.

    Raises:
        NotFound: There is no such space or session.
        Rejected: It has ended, or somebody else opened it.
    """
    async with _joined(place, space, by) as joined:
        await joined.sessions.get(name).cancel(reason, by=by)


async def show_session(  # noqa: PLR0913 - where, which, when and how
    place: Place, space: str, name: str, *, at: str | None, follow: bool, json: bool
) -> None:
    """Write how things stand in a session, and again whenever that changes until it ends.

    Raises:
        NotFound: There is no such space or session.
    """
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

    shown = session_shown(name, state)
    if json:
        write_json(plain(shown))
        return
    facts = ("session", "protocol", "rule", "phase", "by", "spoken", "outcome", "result")
    write_lines([f"{fact:9} {shown[fact]}" for fact in facts if shown[fact] not in {None, ""}])
    standing = shown["standing"]
    if standing["rows"]:
        write_table([column.upper() for column in standing["columns"]], standing["rows"])
    for remark in standing["remarks"]:
        note(remark)


def session_shown(name: str, state: SessionState) -> Mapping[str, Any]:
    """Return what a person wants to know of a session, by name."""
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
