"""How the tables of a projection stand: those that readers see, whoever keeps them."""

from __future__ import annotations

from typing import Final

from mabeam.core.ports import Build, ReadModel
from mabeam.infra.observability.metrics.meters import Meters

__all__ = ["TablesWatch"]


class TablesWatch:
    """Watches the tables of one projection.

    Args:
        space: The space whose tables they are.
        model: The tables.
        meters: What is written to.
    """

    def __init__(self, space: str, model: ReadModel, meters: Meters) -> None:
        self._labels: Final = (space, model.projection)
        self._model: Final = model
        self._meters: Final = meters
        self._position = 0

    @property
    def position(self) -> int:
        """The last position whose rows the tables have, when they were last asked."""
        return self._position

    async def ask(self) -> tuple[Build, ...]:
        """Return all builds."""
        return await self._model.builds()

    def show(self, builds: tuple[Build, ...] | None) -> None:
        """Show the build that serves, else the first that will; None where nobody answered."""
        if not builds:
            self._meters.tables_active.labels(*self._labels).set(0)
            return
        build = next((one for one in builds if one.state == "serving"), builds[0])
        self._position = build.position
        self._meters.tables_active.labels(*self._labels).set(bool(build.holder))
        self._meters.tables_parked.labels(*self._labels).set(build.parked)
        self._meters.tables_skipped.labels(*self._labels).set(build.skipped)

    def forget(self) -> None:
        """Show nothing more."""
        meters = self._meters
        for gauge in (meters.tables_active, meters.tables_parked, meters.tables_skipped):
            gauge.remove(*self._labels)
