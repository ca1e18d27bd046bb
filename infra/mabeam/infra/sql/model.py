"""A read model in a database, behind the port `mabeam.core.ports.ReadModel`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from mabeam.core.errors import ConfigurationError, Conflict
from mabeam.core.ports import Build, Poison, Step
from mabeam.core.tables import Row, Table
from mabeam.infra.sql.database import Database
from mabeam.infra.sql.ledger import Ledger, now_ms
from mabeam.infra.sql.schema import BUILDS, POISON, PROJECTIONS, show

__all__ = ["SqlReadModel"]

_SECOND_MS: Final = 1_000


class SqlReadModel:
    """The tables of one projection in one database.

    The tables of build 3 are called ``agents_3`` and so on; views with the plain names show
    those of the build that serves.

    Args:
        database: Where they are kept.
        space: The space whose log they are made of.
        projection: Name of the projection.
        tables: The tables that this process knows; those of other builds it leaves alone.
    """

    def __init__(
        self, database: Database, space: str, projection: str, tables: Sequence[Table]
    ) -> None:
        self._database = database
        self._projection = projection
        self._ledger = Ledger(space, projection, tables)

    @property
    def projection(self) -> str:
        """Name of the projection."""
        return self._projection

    async def builds(self) -> tuple[Build, ...]:
        """Return all builds that exist, the oldest first."""
        return await self._database.transact(self._ledger.all)

    async def begin(self, version: int, *, anew: bool = False) -> Build:
        """Return the latest build of this version, with its present tables; make it if needed.

        Raises:
            ConfigurationError: A later version serves and no new build is asked for, or the
                database keeps the projection of another space.
        """

        def begin(connection: sa.Connection) -> Build:
            self._ledger.register(connection)
            builds = self._ledger.all(connection)
            serving = max((one.version for one in builds if one.state == "serving"), default=0)
            if serving > version and not anew:
                raise ConfigurationError(
                    f"version {serving} of projection {self._projection!r} serves, this is "
                    f"version {version}; 'mabeam projection rebuild' would go back to it"
                )
            wanted = {"building"} if anew else {"building", "serving"}
            for one in reversed(builds):
                if one.version == version and one.fits and one.state in wanted:
                    return one
            for one in builds:
                if one.state == "retired":
                    self._ledger.drop(connection, one.number)
            number = max((one.number for one in builds), default=0) + 1
            return self._ledger.make(connection, number, version)

        return await self._database.transact(begin)

    async def claim(self, number: int, holder: str, seconds: float) -> Build:
        """Become active on a build, or stay so; return how the build stands.

        Raises:
            NotFound: The build is gone.
        """

        def claim(connection: sa.Connection) -> Build:
            self._ledger.lock(connection)
            build = self._ledger.one(connection, number)
            if build.is_paused or build.state == "retired" or build.holder not in {"", holder}:
                return build
            now = now_ms(connection)
            changes: dict[str, Any] = {"lease_until_ms": now + round(seconds * _SECOND_MS)}
            if build.holder != holder:
                changes |= {
                    "holder": holder,
                    "epoch": build.epoch + 1,
                    "failure": "",
                    "began_position": build.position,
                    "began_ms": now,
                    "moved_ms": now,
                }
            connection.execute(self._ledger.update(number).values(changes))
            return self._ledger.one(connection, number)

        return await self._database.transact(claim)

    async def release(self, number: int, epoch: int, failure: str = "") -> None:
        """Cease to be active, and say why if it was not of one's own will."""
        update = self._ledger.update(number).where(BUILDS.c.epoch == epoch)
        values = {"holder": "", "lease_until_ms": 0, "failure": failure.replace("\0", "")}
        await self._database.transact(lambda connection: connection.execute(update.values(values)))

    async def write(self, number: int, epoch: int, step: Step) -> None:
        """Record a step.

        Raises:
            Conflict: The checkpoint is elsewhere, or the epoch has passed.
            Rejected: The database refuses a row; nothing was recorded.
        """

        def write(connection: sa.Connection) -> None:
            self._ledger.lock(connection)
            present, position = self._ledger.describe(connection, number)
            if present != epoch or position != step.before:
                raise Conflict(self._ledger.name(number), step.before, position)
            for name, values in self._values(step.rows).items():
                connection.execute(self._ledger.upsert(connection, number, name), values)
            self._write_poison(connection, number, step)
            moved = {"position": step.position, "moved_ms": now_ms(connection)}
            connection.execute(self._ledger.update(number).values(moved))

        await self._database.transact(write)

    async def serve(self, number: int, epoch: int) -> None:
        """Let readers see this build instead of an earlier one, at once.

        Raises:
            Conflict: The epoch has passed, or a later build serves.
        """

        def serve(connection: sa.Connection) -> None:
            self._ledger.lock(connection)
            build = self._ledger.one(connection, number)
            if build.epoch != epoch or build.state == "retired":
                raise Conflict(self._ledger.name(number), build.position, None)
            made = self._ledger.made(number)
            for name, table in self._ledger.tables.items():
                show(connection, table, made[name])
            connection.execute(self._mark().values(serving=number))

        await self._database.transact(serve)

    async def pause(self, *, is_paused: bool) -> None:
        """Let nobody be active from now on, or let them again.

        Raises:
            NotFound: There is no such projection.
        """

        def pause(connection: sa.Connection) -> None:
            self._ledger.lock(connection)
            connection.execute(self._mark().values(is_paused=is_paused))
            if is_paused:
                fence = sa.update(BUILDS).where(BUILDS.c.projection == self._projection)
                values = {"holder": "", "lease_until_ms": 0, "epoch": BUILDS.c.epoch + 1}
                connection.execute(fence.values(values))

        await self._database.transact(pause)

    async def poison(self, number: int) -> tuple[Poison, ...]:
        """Return the events that are missing from a build, in the order of their positions."""
        query = (
            sa.select(POISON.c.position, POISON.c.type, POISON.c.reason, POISON.c.is_parked)
            .where(POISON.c.projection == self._projection, POISON.c.number == number)
            .order_by(POISON.c.position)
        )
        found = await self._database.transact(lambda connection: connection.execute(query).all())
        return tuple(Poison(*one) for one in found)

    def _write_poison(self, connection: sa.Connection, number: int, step: Step) -> None:
        if step.mended:
            connection.execute(
                sa.delete(POISON).where(
                    POISON.c.projection == self._projection,
                    POISON.c.number == number,
                    POISON.c.position.in_(step.mended),
                )
            )
        if step.poison:
            of = {"projection": self._projection, "number": number}
            values = [
                of | msgspec.structs.asdict(one) | {"reason": one.reason.replace("\0", "")}
                for one in step.poison
            ]
            connection.execute(sa.insert(POISON), values)

    def _values(self, rows: Iterable[Row]) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            columns = self._ledger.tables[row.table].columns
            pairs = zip(columns, row.values, strict=True)
            found.setdefault(row.table, []).append({column.name: v for column, v in pairs})
        return found

    def _mark(self) -> sa.Update:
        return sa.update(PROJECTIONS).where(PROJECTIONS.c.projection == self._projection)
