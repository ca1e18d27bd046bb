"""What the recorders of one factory share: its settings, its place on the bridge, its logs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, ParamSpec, TypeVar
from weakref import WeakSet

from eventsourcing.persistence import InfrastructureFactoryError, ProgrammingError

from mabeam.core.errors import Rejected
from mabeam.core.ports import Page
from mabeam.core.subjects import Filter, check_space
from mabeam.infra.eventsourcing.bridge import Bridge
from mabeam.infra.eventsourcing.journal import Journal
from mabeam.infra.eventsourcing.settings import Settings
from mabeam.infra.eventsourcing.tail import Tail
from mabeam.infra.jetstream import open_store

__all__ = ["Session"]

SNAPSHOTS: Final = "_snapshots"
"""What follows the name of a space in that of the space with its snapshots."""

P = ParamSpec("P")
T = TypeVar("T")


class Session:
    """The journals of one factory, opened at first use.

    Args:
        settings: Where the logs are.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._bridge: Bridge | None = None
        self._journals: dict[str, Journal] = {}
        self._tails: WeakSet[Tail[Any]] = WeakSet()
        self._is_closed = False

    @property
    def bridge(self) -> Bridge:
        """The bridge of this process.

        Raises:
            ProgrammingError: The factory was closed.
        """
        if self._is_closed or self._bridge is None:
            raise ProgrammingError("the factory was closed: construct the application anew")
        return self._bridge

    def events(self) -> Journal:
        """Return the journal of the space."""
        return self._journal(self.settings.space)

    def snapshots(self) -> Journal:
        """Return the journal of the snapshots, a space of their own.

        Raises:
            InfrastructureFactoryError: The name of that space would be too long.
        """
        space = self.settings.space + SNAPSHOTS
        try:
            return self._journal(check_space(space))
        except Rejected as error:
            raise InfrastructureFactoryError(f"no space for snapshots: {error}") from error

    def call(
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Have work done on the bridge, and return what comes of it."""
        return self.bridge.call(work, *args, **kwargs)

    def tail(
        self,
        journal: Journal,
        wanted: Filter,
        after: int,
        convert: Callable[[Page], Iterable[T]],
    ) -> Tail[T]:
        """Follow a journal, at the longest until this session is closed."""
        tail = Tail(self.bridge, journal.store, wanted, after, convert)
        self._tails.add(tail)
        return tail

    def close(self) -> None:
        """Stop what is followed, and give the connection back."""
        with self._lock:
            bridge, self._bridge = self._bridge, None
            self._is_closed = True
        for tail in list(self._tails):
            tail.stop()
        if bridge is not None and bridge.is_open:
            bridge.call(bridge.release, self.settings.address)

    def _journal(self, space: str) -> Journal:
        with self._lock:
            if self._is_closed:
                raise ProgrammingError("the factory was closed: construct the application anew")
            if space not in self._journals:
                bridge = self._bridge or Bridge.present()
                self._journals[space] = bridge.call(
                    self._open, bridge, space, is_first=self._bridge is None
                )
                self._bridge = bridge
            return self._journals[space]

    async def _open(self, bridge: Bridge, space: str, *, is_first: bool) -> Journal:
        settings = self.settings
        connection = await bridge.connection(settings.address, settings.connect_seconds)
        try:
            store = await open_store(
                connection,
                space,
                replicas=settings.replicas,
                storage=settings.storage,
                create=settings.create,
                patience_seconds=settings.patience_seconds,
            )
        except BaseException:
            await bridge.release(settings.address)
            raise
        if not is_first:
            # One place on the connection is enough for all of a factory's journals.
            await bridge.release(settings.address)
        return Journal(store, settings.kind, settings.name)
