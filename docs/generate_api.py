"""Write the two references of the Python API from the docstrings of what they list.

Run it in the repository's root: `python docs/generate_api.py`. A test compares.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeAlias

from mabeam.agents.policies import AgentPolicy
from mabeam.app.space.agents import Agents
from mabeam.app.space.sessions import Sessions
from mabeam.app.space.variables import Variables
from mabeam.core import errors, testing
from mabeam.core.events import Event
from mabeam.core.policies import Policies, Policy
from mabeam.core.ports import EventStore
from mabeam.core.subjects import EVERYTHING
from mabeam.core.variable import STRATEGIES

__all__ = ["PAGES", "protocols", "reference"]

FOLDER: Final = Path(__file__).with_name("reference")
WIDTH: Final = 88

HEAD: Final = """\
# Python API

Generated from the docstrings by `python docs/generate_api.py`. What is not listed here may change
without notice, except the [mechanisms of the protocols](python-protocols.md). How to use it is told
by the [guides](../README.md), each of them executed.
"""

PROTOCOLS_HEAD: Final = """\
# Python API of the protocols

Generated from the docstrings by `python docs/generate_api.py`. Mechanisms are pure functions: they
know no events, and are used by themselves as well as by sessions. The fields of events are listed
in [events](events.md), whatever else Python offers in [Python API](python-api.md). [Choose a
protocol](../explanation/choose-a-protocol.md) tells which is for what.
"""

_SECTION: Final = re.compile(r"(?m)^(Args|Attributes|Raises):\n((?:[ ]{4}.*\n?|\n)+)")
_ENTRY: Final = re.compile(r"(?m)^ {4}(\w+): ((?:.*\n?)(?:^ {5,}.*\n?)*)")
_EXAMPLE: Final = re.compile(r"(?m)(?:^(?:>>>|\.\.\.).*\n?(?:^(?!>>>)\S.*\n?)*)+")
_MODULE: Final = re.compile(
    r"\b(?:mabeam(?:\.\w+)*|typing|collections\.abc|contextlib|decimal|fractions)\.(?=\w)"
)


@dataclass(frozen=True)
class Entry:
    """Something that is listed.

    Attributes:
        thing: The function or class.
        place: What to import it from, or how one gets at it.
        is_made: Whether users call the class themselves.
    """

    thing: Any
    place: str
    is_made: bool = True


Sections: TypeAlias = Mapping[str, tuple[Entry, ...]]


def imported(module: str, *names: str, is_made: bool = True) -> tuple[Entry, ...]:
    """List names of a module under their import."""
    return tuple(
        Entry(getattr(import_module(module), name), f"from {module} import {name}", is_made)
        for name in names
    )


SECTIONS: Final[dict[str, tuple[Entry, ...]]] = {
    "Connecting": (
        *imported("mabeam.app", "connect"),
        *imported("mabeam.app", "Space", is_made=False),
        *imported("mabeam.app.telemetry", "metrics", "tracing"),
        *imported("mabeam.infra.observability.metrics", "Metrics", is_made=False),
        *imported("mabeam.infra.observability.tracing", "Tracing", is_made=False),
    ),
    "Speaking and asking": (
        Entry(Agents, "space.agents", is_made=False),
        Entry(Variables, "space.variables", is_made=False),
        *imported("mabeam.app.space", "ProposalMade", is_made=False),
        Entry(Sessions, "space.sessions", is_made=False),
        *imported("mabeam.app.space", "Session", is_made=False),
    ),
    "Agents as classes": imported("mabeam.agents", "Agent", "hears", "Heard", "Proposal"),
    "Types of variables": imported(
        "mabeam.core.variable",
        *("FloatType", "IntegerType", "ChoiceType", "BooleanType", "TextType", "ModuleType"),
        *("CompositeType", "AllocationType", "ScheduleType"),
    ),
    "Constraints": imported("mabeam.core.variable", "Linear", "Implies", "Condition"),
    "Policies": imported("mabeam.core.policies", "Policy"),
    "Events of sessions": (
        *imported("mabeam.core.session", "Participant"),
        *imported("mabeam.core.auction", "AuctionOpened", "BidPlaced"),
        *imported("mabeam.core.auction", "AuctionDecided", is_made=False),
        *imported("mabeam.core.consensus", "ConsensusOpened", "BallotCast"),
        *imported("mabeam.core.consensus", "ConsensusDecided", is_made=False),
        *imported("mabeam.core.session", "Considered", "Alternative", is_made=False),
    ),
    "What is known": (
        *imported("mabeam.projections.world", "World", is_made=False),
        *imported("mabeam.core.agent", "AgentState", is_made=False),
        *imported("mabeam.core.variable", "VariableState", is_made=False),
        *imported("mabeam.core.session", "SessionState", is_made=False),
        *imported("mabeam.projections.conflicts", "ConflictRecord", is_made=False),
    ),
    "The log": (
        Entry(EventStore, "space.store", is_made=False),
        *imported("mabeam.core.subjects", "Boundary", "Filter"),
        *imported("mabeam.core.envelope", "Recorded", is_made=False),
        *imported("mabeam.app.bulk", "append_all"),
        *imported("mabeam.app.bulk", "Outcome", is_made=False),
    ),
    "Types of events": (
        *imported("mabeam.core.events", "event_type", "Event", "Several", is_made=False),
        *imported("mabeam.core.events", "type_of", "write_as", "encode_data", "decode_data"),
        *imported(
            "mabeam.core.versions",
            *("replace_type", "rename", "default", "derive", "drop", "change", "split", "merge"),
            *("Step", "upcaster", "downcaster", "splitter", "retire"),
        ),
    ),
    "Replay": (
        *imported("mabeam.projections.verification", "verify"),
        *imported("mabeam.projections.verification", "Report", "Divergence", is_made=False),
        *imported("mabeam.projections.world", "fingerprint"),
        *imported("mabeam.app.rebuilding", "replay_many"),
        *imported("mabeam.app.rebuilding", "Rebuild", is_made=False),
    ),
    "Recorders for the library eventsourcing": (
        *imported(
            "mabeam.infra.eventsourcing",
            *("JetStreamAggregateRecorder", "JetStreamApplicationRecorder"),
            *("JetStreamTrackingRecorder", "JetStreamProcessRecorder"),
            is_made=False,
        ),
        *imported("mabeam.infra.eventsourcing.dcb", "JetStreamDCBRecorder", is_made=False),
    ),
    "Testing": (
        *imported("mabeam.core.testing", "given", "said", "history", "samples", "unshown"),
        *imported("mabeam.core.testing", "Given", "Verdict", "Reaction", is_made=False),
        *imported(
            "mabeam.core.testing",
            *(name for name in testing.__all__ if name.islower() and "_" in name),
        ),
    ),
    "Errors": imported("mabeam.core.errors", *(n for n in vars(errors) if n in errors.__all__)),
}

FAMILIES: Final = {
    "Votes": "mabeam.core.voting",
    "Numbers": "mabeam.core.consensus",
    "Numbers in rounds": "mabeam.core.refinement",
    "Auctions": "mabeam.core.auction",
    "Auctions of bundles": "mabeam.core.combinatorial",
    "Exchanges of bundles": "mabeam.core.bundle_exchange",
    "Markets": "mabeam.core.market",
    "Negotiation": "mabeam.core.negotiation",
    "Sharing out tasks": "mabeam.core.allocation",
    "Constraint optimisation": "mabeam.core.optimisation",
    "Hierarchies": "mabeam.core.hierarchy",
    "Policies of agents": "mabeam.agents.policies",
}


def _family(module: str) -> tuple[Entry, ...]:
    """List the classes and functions that a package offers, but its events."""
    offered = {name: getattr(import_module(module), name) for name in import_module(module).__all__}
    return imported(module, *(name for name, thing in offered.items() if _is_listed(thing)))


def _is_listed(thing: object) -> bool:
    if inspect.isclass(thing):
        return not issubclass(thing, Event)
    return inspect.isfunction(thing)


def _rules(module: str) -> str:
    """Say which rules openings may name."""
    names: set[str] = set()
    for part in pkgutil.iter_modules(import_module(module).__path__, f"{module}."):
        for rules in vars(import_module(part.name)).values():
            if isinstance(rules, Policies):
                names |= {name for name, _ in rules.known()}
    return f"Rules: {', '.join(f'`{name}`' for name in sorted(names))}." if names else ""


PROSE: Final = {
    "Policies": "\n".join(
        f"- {purpose}: {', '.join(f'`{name}` version {number}' for name, number in known)}"
        for purpose, known in {
            "for `on_conflict` of a variable": STRATEGIES.known(),
        }.items()
    )
    + "\n- for `rule` of a session: see its [protocol](python-protocols.md)",
    "Events of sessions": "All fields of all events are listed in [events](events.md).",
    "Errors": "All are in `mabeam.core.errors`. A class tells what to do next:\n\n```\n"
    + inspect.cleandoc((errors.__doc__ or "").partition("\n\n")[2].partition("\n\nA class")[0])
    + "\n```",
}


def reference() -> str:
    """Return the page about everything but protocols."""
    return _page(HEAD, SECTIONS, PROSE)


def protocols() -> str:
    """Return the page about the mechanisms of protocols, and the policies of agents."""
    sections = {title: _family(module) for title, module in FAMILIES.items()}
    told = {title: rules for title, module in FAMILIES.items() if (rules := _rules(module))}
    return _page(PROTOCOLS_HEAD, sections, told)


PAGES: Final = {"python-api.md": reference, "python-protocols.md": protocols}


def _page(head: str, sections: Sections, prose: Mapping[str, str]) -> str:
    return "\n".join((head, *_contents(sections), *_sections(sections, prose)))


def _contents(sections: Sections) -> Iterator[str]:
    for title, entries in sections.items():
        names = ", ".join(f"`{entry.thing.__name__}`" for entry in entries)
        yield f"- [{title}](#{title.lower().replace(' ', '-')}): {names}"
    yield ""


def _sections(sections: Sections, prose: Mapping[str, str]) -> Iterator[str]:
    for title, entries in sections.items():
        yield f"## {title}\n"
        if title in prose:
            yield f"{prose[title]}\n"
        for entry in entries:
            yield from _entry(entry)


def _entry(entry: Entry) -> Iterator[str]:
    thing = entry.thing
    is_error = inspect.isclass(thing) and issubclass(thing, BaseException)
    yield f"### {thing.__name__}\n"
    if not is_error:
        yield f"`{entry.place}`\n"
    if inspect.isclass(thing):
        if entry.is_made and not is_error:
            yield _fenced(_signature(thing, thing.__name__))
        yield _told(thing)
        # Ready policies all answer; when, their docstrings say.
        if not is_error and AgentPolicy not in inspect.getmro(thing)[1:]:
            yield from _members(thing)
    else:
        yield _fenced(_signature(thing, thing.__name__))
        yield _told(thing)


def _members(thing: type) -> Iterator[str]:
    for name in vars(thing):
        function = getattr(thing, name)
        if inspect.isroutine(function) and not name.startswith("_"):
            yield f"#### {thing.__name__}.{name}\n"
            yield _fenced(_signature(function, name))
            yield _told(function)


def _signature(thing: Any, name: str) -> str:  # noqa: ANN401 - any callable
    signature = inspect.signature(thing)
    written = list(_parameters(signature))
    result = "" if inspect.isclass(thing) else f" -> {_type(signature.return_annotation)}"
    before = ""
    if inspect.iscoroutinefunction(thing):
        before = "await "
    elif inspect.isasyncgenfunction(inspect.unwrap(thing)):
        before, result = "async with ", re.sub(r"AsyncGenerator\[(.*)\]", r"\1", result)
    if len(result) > WIDTH:
        result = re.sub(r"\[.*", "[...]", result)
    line = f"{before}{name}({', '.join(written)}){result}"
    if len(line) <= WIDTH:
        return line
    return f"{before}{name}(\n" + "".join(f"    {one},\n" for one in written) + f"){result}"


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    is_starred = False
    for parameter in signature.parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not is_starred:
            yield "*"
        star = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
        is_starred |= star == "*" or parameter.kind is parameter.KEYWORD_ONLY
        default = parameter.default
        shown = "" if default is parameter.empty else f" = {_value(default)}"
        yield f"{star}{parameter.name}: {_type(parameter.annotation)}{shown}"


def _type(annotation: object) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return _MODULE.sub("", text)


def _value(default: object) -> str:
    if isinstance(default, Policy):
        return f"Policy({default.name!r})"
    if default == EVERYTHING:
        return "Filter()"
    # Structs do not show what makes their default.
    return repr(default).replace("<factory>", "...")


def _told(thing: Any) -> str:  # noqa: ANN401 - anything with a docstring
    """Return a docstring as Markdown."""
    doc = inspect.getdoc(thing) or ""
    written = _prose(_SECTION.sub("", doc)) + "\n"
    sections = _entries(thing, doc)
    if inspect.isclass(thing):
        sections["Attributes"] = sections.get("Attributes", {}) | dict(_properties(thing))
    for name, entries in sections.items():
        if entries:
            listed = "\n".join(f"- `{key}`: {_inline(text)}" for key, text in entries.items())
            written += f"\n{name}:\n\n{listed}\n"
    return written


def _properties(thing: type) -> Iterator[tuple[str, str]]:
    for name, member in vars(thing).items():
        doc = inspect.getdoc(member) or ""
        if isinstance(member, property) and not name.startswith("_"):
            raised = _entries(member, doc).get("Raises", {})
            text = _SECTION.sub("", doc)
            yield (
                name,
                text + (f" Raises {', '.join(f'`{one}`' for one in raised)}." * bool(raised)),
            )


def _entries(thing: Any, doc: str) -> dict[str, dict[str, str]]:  # noqa: ANN401 - as above
    """Return the sections of a docstring, the attributes of an event's bases included."""
    found: dict[str, dict[str, str]] = {}
    bases: tuple[type, ...] = inspect.getmro(thing)[1:] if inspect.isclass(thing) else ()
    inherited = [base.__doc__ or "" for base in bases if base.__module__.endswith(".events")]
    for text in (*map(inspect.cleandoc, inherited), doc):
        for name, body in _SECTION.findall(text):
            found.setdefault(name, {}).update(_ENTRY.findall(body))
    return found


def _prose(text: str) -> str:
    parts: list[str] = []
    end = 0
    for example in _EXAMPLE.finditer(text):
        parts += [_paragraphs(text[end : example.start()]), _fenced(example[0].rstrip()).rstrip()]
        end = example.end()
    parts.append(_paragraphs(text[end:]))
    return "\n\n".join(part for part in parts if part)


def _paragraphs(text: str) -> str:
    return "\n\n".join(_inline(one) for one in re.split(r"\n\s*\n", text) if one.strip())


def _inline(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _fenced(text: str) -> str:
    return f"```\n{text}\n```\n"


if __name__ == "__main__":
    for page, written in PAGES.items():
        _ = (FOLDER / page).write_text(written(), encoding="utf-8")
