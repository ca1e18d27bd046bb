"""`mabeam schema`: the event types, for services in any language and for what is recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import CommandT, as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mabeam.app.schema import Change

__all__ = ["schema"]

_FOLDER: Final = click.Path(file_okay=False, path_type=Path)


def _importable(
    _context: click.Context, _parameter: click.Parameter, modules: tuple[str, ...]
) -> tuple[str, ...]:
    """Let modules be found in the working folder, too, as Python's own ``-m`` does."""
    here = str(Path.cwd())
    if modules and here not in sys.path:
        sys.path.insert(0, here)
    return modules


def with_modules(command: CommandT) -> CommandT:
    """Let a command take modules that register further types."""
    return click.option(
        "--module",
        "modules",
        multiple=True,
        metavar="NAME",
        callback=_importable,
        help="Import a module, and take its event types, too. May be given several times.",
    )(command)


@click.group
def schema() -> None:
    """Describe events to any language, and keep old ones readable."""


@schema.command(
    cls=ExampleCommand,
    examples=(
        "mabeam schema export",
        "mabeam schema export build/schemas",
        "mabeam schema export --check",
        "mabeam schema export --module team.events",
    ),
)
@click.argument("folder", default="schemas", metavar="[DIR]", type=_FOLDER)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is not current.")
@click.option("--force", is_flag=True, help="Write even if recorded events can be read no more.")
@with_modules
@as_json
def export(folder: Path, modules: tuple[str, ...], *, check: bool, force: bool, json: bool) -> int:
    """Write JSON Schemas of all events and an AsyncAPI document into DIR, by default ./schemas.

    Prints the files that were, or with --check would be, changed. If an event that may be
    recorded could be read no more, nothing is written, and 'mabeam schema check' says why.
    """
    from mabeam.app import schema as schemas
    from mabeam.app.cli.output import note, write_json, write_lines

    if not check and not force:
        broken = [one for one in schemas.changes(folder, modules) if one.is_breaking]
        if broken:
            _show(broken, json=json)
            note(f"{folder} stays as it is; --force overwrites it")
            return Code.CHECK_FAILED
    act = schemas.check if check else schemas.export
    changed = [str(folder / path) for path in act(folder, modules)]
    if json:
        write_json(changed)
    elif changed:
        write_lines(changed)
    else:
        note(f"{folder} is current")
    return Code.CHECK_FAILED if check and changed else Code.OK


@schema.command(
    cls=ExampleCommand,
    examples=(
        "mabeam schema check",
        "mabeam schema check build/schemas --golden tests/golden",
        "mabeam schema check --module team.events --json",
    ),
)
@click.argument("folder", default="schemas", metavar="[DIR]", type=_FOLDER)
@click.option("--golden", metavar="DIR", type=_FOLDER, help="Read the golden files in DIR, too.")
@with_modules
@as_json
def check(folder: Path, modules: tuple[str, ...], *, golden: Path | None, json: bool) -> int:
    """Say whether all that may be recorded can still be read, and means the same.

    Compares the event types with the schemas in DIR, by default ./schemas, as they were
    exported before. Exits with 1 if a change is breaking, and says what to do about it.
    """
    from mabeam.app import schema as schemas
    from mabeam.core.errors import NotFound

    if not (folder / "events").is_dir():
        raise NotFound(f"no schemas in {folder}; 'mabeam schema export {folder}' writes them")
    found = schemas.changes(folder, modules)
    if golden is not None:
        found = [*schemas.unreadable_changes(golden), *found]
    _show(found, json=json)
    return Code.CHECK_FAILED if any(one.is_breaking for one in found) else Code.OK


@schema.command(
    cls=ExampleCommand,
    examples=(
        "mabeam schema golden tests/golden",
        "mabeam schema golden tests/golden --module team.events",
        "mabeam schema golden tests/golden --check",
    ),
)
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is missing.")
@with_modules
@as_json
def golden(folder: Path, modules: tuple[str, ...], *, check: bool, json: bool) -> int:
    """Write a golden file into DIR for whatever no file there shows yet.

    One for each event type, one for each field and each alternative that came later. They
    are written once and never changed. Prints what was, or with --check would be, written.
    """
    from mabeam.app import schema as schemas
    from mabeam.app.cli.output import note, write_json, write_lines

    names = sorted(schemas.missing(folder, modules)) if check else schemas.grow(folder, modules)
    written = [str(folder / name) for name in names]
    if json:
        write_json(written)
    elif written:
        write_lines(written)
    else:
        note(f"{folder} is complete")
    return Code.CHECK_FAILED if check and written else Code.OK


def _show(found: Sequence[Change], *, json: bool) -> None:
    from mabeam.app.cli.output import note, style, write_json, write_lines
    from mabeam.projections.world import plain

    if json:
        write_json(plain(found))
    elif found:
        paint = style()
        write_lines(line for change in found for line in _lines(change, paint))
    else:
        note("nothing changed")


def _lines(change: Change, paint: Any) -> list[str]:  # noqa: ANN401 - loaded late
    verdict = paint.bad("breaking") if change.is_breaking else paint.good("fine    ")
    place = f"{change.type} {change.field}".rstrip()
    first = f"{verdict}  {place}: {change.change} ({change.old} → {change.new})"
    return [first, f"          {change.advice}"] if change.advice else [first]
