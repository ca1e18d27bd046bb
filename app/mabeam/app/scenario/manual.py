"""The page about scenario files, made of the structs that they are read into.

``python -m mabeam.app.scenario.manual > docs/reference/scenarios.md`` writes it anew.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import inspect

from mabeam.agents.policies import policies
from mabeam.app.scenario import model
from mabeam.app.scenario.checking import in_words
from mabeam.app.schema.wording import wording_of
from mabeam.core.policies import Policy
from mabeam.core.variable import constraints, types

__all__ = ["manual"]

_HEAD: Final = """\
# Scenario files

<!-- Written by "python -m mabeam.app.scenario.manual"; a test keeps it current. -->

A scenario is a TOML file: who takes part, what is at stake, and what happens in which order.
`mabeam run FILE` plays it in a fresh space with agents that hear and answer over the log like any
others. Five are shipped: [coding-team.toml](../../examples/coding-team.toml), which `mabeam demo`
plays, [data-pipeline.toml](../../examples/data-pipeline.toml),
[shared-cluster.toml](../../examples/shared-cluster.toml), in which conflicts of all kinds are
resolved, [delegation.toml](../../examples/delegation.toml), a hierarchy whose nodes vote, and
[workshop.toml](../../examples/workshop.toml), which trades, negotiates and shares out work. A fault
in a file is refused before anything starts, with field, value, and what is allowed there.
"""

_SECTIONS: Final[tuple[tuple[str, str, Any], ...]] = (
    ("The file", "", model.Scenario),
    ("Agents", "One `[[agents]]` table each.", model.AgentSpec),
    (
        "What agents do",
        "In `policies` of an agent, a list of tables with `policy` as named.",
        None,
    ),
    ("Variables", "One `[variables.NAME]` table each.", model.VariableSpec),
    (
        "How conflicts are resolved",
        "In `on_conflict`; [Resolve conflicts](../how-to/resolve-conflicts.md) lists them all.",
        Policy,
    ),
    ("Values of variables", "In `values`, with `type` as named.", types.VariableType),
    (
        "Constraints",
        "One `[constraints.NAME]` table each, with `type` as named.",
        constraints.Constraint,
    ),
    ("Conditions", "In `when` and `then`.", constraints.Condition),
    ("Steps", "One `[[steps]]` table each, with `do` as named.", model.Step),
    ("Proposals", "In `proposals` of a step.", model.ProposalSpec),
    ("Expectations", "In `[expect]`.", model.Expectation),
)


def manual() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    for title, intro, described in _SECTIONS:
        yield f"## {title}\n"
        if intro:
            yield f"{intro}\n"
        for struct in _structs(described):
            yield from _struct(struct)


def _structs(described: Any) -> Sequence[type[msgspec.Struct]]:  # noqa: ANN401 - a struct or a union
    if described is None:
        return _ours()
    return cast("tuple[type[msgspec.Struct], ...]", typing.get_args(described) or (described,))


def _ours() -> Sequence[type[msgspec.Struct]]:
    """Return the policies that come with mabeam, whatever else is loaded."""
    return [one for one in policies().values() if one.__module__.startswith("mabeam.")]


def _struct(struct: type[msgspec.Struct]) -> Iterator[str]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    words = wording_of(struct)
    name = f"`{info.tag}`: " if info.tag is not None else ""
    yield f"{name}{words.summary}\n"
    if not info.fields:
        return
    yield "| field | what | default | meaning |\n|---|---|---|---|"
    for field in info.fields:
        meaning = words.fields.get(field.name, "").replace("|", "\\|")
        what = in_words(field.type).replace("|", "\\|")
        yield f"| `{field.name}` | {what} | {_default(field)} | {meaning} |"
    yield ""


def _default(field: inspect.Field) -> str:
    if field.required:
        return "required"
    value: Any = field.default
    if value is msgspec.NODEFAULT or value in ("", (), None) or isinstance(value, msgspec.Struct):
        return ""
    return f"`{msgspec.json.encode(value).decode()}`"


if __name__ == "__main__":
    sys.stdout.write(manual())
