"""The registered event types, with all that schemas and reference say about each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Final

import msgspec

from mabeam.app.schema.wording import wording_of
from mabeam.core.actors import COORDINATOR
from mabeam.core.catalogue import DOMAINS
from mabeam.core.errors import ConfigurationError
from mabeam.core.events import Event, registered
from mabeam.core.session import Announcement, Decision
from mabeam.core.subjects import ROOT, event_token

__all__ = ["Entry", "entries"]

_PACKAGES: Final = tuple(f"{domain.__name__}." for domain in DOMAINS)
_PROTOCOL_ONLY: Final = " Said by protocol code alone."


class Entry(msgspec.Struct, frozen=True):
    """One event type.

    Attributes:
        name: Name of the type, with its version.
        kind: Kind of entity whose events it belongs to.
        struct: The payload's class.
        summary: What it says.
        protocol_only: Whether it counts only when protocol code says it.
    """

    name: str
    kind: str
    struct: type[Event]
    summary: str
    protocol_only: bool

    @property
    def token(self) -> str:
        """Short name of the event, its place in the subject."""
        return event_token(self.name)

    @property
    def address(self) -> str:
        """The NATS subject with the names of its variable parts."""
        actor = COORDINATOR if self.protocol_only else "{actor}"
        return f"{ROOT}.{{space}}.{self.kind}.{{entity}}.{self.token}.{actor}"

    @property
    def needs_data(self) -> bool:
        """Whether the payload has a field that must be given."""
        return any(field.required for field in msgspec.structs.fields(self.struct))


def entries(modules: Sequence[str] = ()) -> tuple[Entry, ...]:
    """Return all event types that come with mabeam, by name.

    Args:
        modules: Names of modules or packages whose types are wanted, too. They are imported.

    Raises:
        ConfigurationError: One of them cannot be imported.
    """
    for module in modules:
        try:
            _ = import_module(module)
        except Exception as error:
            # Whatever the module does when it is imported is not this command's fault.
            text = f"cannot import {module}: {type(error).__name__}: {error}"
            raise ConfigurationError(text) from error
    return tuple(_entries((*_PACKAGES, *(f"{module}." for module in modules))))


def _entries(packages: tuple[str, ...]) -> Iterator[Entry]:
    for known in registered():
        if not f"{known.struct.__module__}.".startswith(packages):
            continue
        summary = wording_of(known.struct).summary
        yield Entry(
            known.name,
            known.kind,
            known.struct,
            summary.removesuffix(_PROTOCOL_ONLY),
            issubclass(known.struct, Decision | Announcement) or summary.endswith(_PROTOCOL_ONLY),
        )
