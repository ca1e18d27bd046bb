"""What a database knows of the builds of one projection. All of it within a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from mabeam.core.errors import ConfigurationError, NotFound
from mabeam.core.ports import Build
from mabeam.core.tables import Table
from mabeam.infra.sql.schema import BUILDS, POISON, PROJECTIONS, build_table, shape_of

__all__ = ["Ledger", "dialect_of", "now_ms"]

_SECOND_MS: Final = 1_000


class Ledger:
    """The builds of one projection.

    Args:
        space: The space whose log they are made of.
        projection: Name of the projection.
        tables: The tables that this process knows; those of other builds it leaves alone.
    """

    def __init__(self, space: str, projection: str, tables: Sequence[Table]) -> None:
        self.tables: Final = {table.name: table for table in tables}
        self._space = space
        self._projection = projection
        self._shape = shape_of(tables)
        # To put a statement together takes longer than to carry it out.
        self._lock: Final = _lock(projection)
        self._builds: Final = _builds(projection)
        self._made: dict[int, dict[str, sa.Table]] = {}
        self._upserts: dict[tuple[int, str], Any] = {}

    def register(self, connection: sa.Connection) -> None:
        """Take note of the projection, if that was not done before; then `lock` it."""
        new = {"projection": self._projection, "space": self._space, "is_paused": False}
        insert = dialect_of(connection).insert(PROJECTIONS)
        connection.execute(insert.values(new).on_conflict_do_nothing())
        self.lock(connection)

    def lock(self, connection: sa.Connection) -> None:
        """Have all that concerns the projection happen one after the other.

        Raises:
            NotFound: There is no such projection.
            ConfigurationError: It is that of another space.
        """
        space = connection.execute(self._lock).scalar()
        if space is None:
            raise NotFound(f"this database keeps no projection {self._projection!r}")
        if space != self._space:
            raise ConfigurationError(
                f"this database keeps the tables of space {space!r}, not of {self._space!r}: "
                "take another database for each space"
            )

    def all(self, connection: sa.Connection, *numbers: int) -> tuple[Build, ...]:
        """Return the builds of these numbers, or all there are, the oldest first."""
        query = self._builds
        if numbers:
            query = query.where(BUILDS.c.number.in_(numbers))
        now = now_ms(connection)
        return tuple(self._read(row, now) for row in connection.execute(query).all())

    def one(self, connection: sa.Connection, number: int) -> Build:
        """Return a build.

        Raises:
            NotFound: It is gone.
        """
        found = self.all(connection, number)
        if not found:
            raise NotFound(f"{self.name(number)} is gone")
        return found[0]

    def make(self, connection: sa.Connection, number: int, version: int) -> Build:
        """Make the tables of a build, and note it down."""
        for made in self.made(number).values():
            made.create(connection)
        now = now_ms(connection)
        values = {
            "projection": self._projection,
            "number": number,
            "version": version,
            "shape": self._shape,
            "tables": msgspec.json.encode(list(self.tables)).decode(),
            "position": 0,
            "holder": "",
            "lease_until_ms": 0,
            "epoch": 0,
            "failure": "",
            "began_position": 0,
            "began_ms": now,
            "moved_ms": now,
        }
        connection.execute(sa.insert(BUILDS).values(values))
        return self.one(connection, number)

    def drop(self, connection: sa.Connection, number: int) -> None:
        """Drop the tables of a build, whatever they are, and forget it."""
        query = sa.select(BUILDS.c.tables).where(*self._mine(BUILDS, number))
        names = msgspec.json.decode(connection.execute(query).scalar_one(), type=list[str])
        for name in names:
            sa.Table(f"{name}_{number}", sa.MetaData()).drop(connection)
        for table in (POISON, BUILDS):
            connection.execute(sa.delete(table).where(*self._mine(table, number)))

    def upsert(self, connection: sa.Connection, number: int, name: str) -> Any:  # noqa: ANN401 - of either dialect
        """Return the statement that writes rows of a table, in the place of former ones."""
        upsert = self._upserts.get((number, name))
        if upsert is None:
            upsert = _upsert(connection, self.made(number)[name])
            self._upserts[number, name] = upsert
        return upsert

    def describe(self, connection: sa.Connection, number: int) -> tuple[int, int]:
        """Return epoch and position of a build.

        Raises:
            NotFound: It is gone.
        """
        where = {"projection": self._projection, "number": number}
        found = connection.execute(_STAND, where).one_or_none()
        if found is None:
            raise NotFound(f"{self.name(number)} is gone")
        return found.epoch, found.position

    def made(self, number: int) -> dict[str, sa.Table]:
        """Return the tables of a build by the names of their definitions."""
        made = self._made.get(number)
        if made is None:
            made = {name: build_table(table, number) for name, table in self.tables.items()}
            self._made[number] = made
        return made

    def update(self, number: int) -> sa.Update:
        """Return the beginning of a statement that changes a build."""
        return sa.update(BUILDS).where(*self._mine(BUILDS, number))

    def name(self, number: int) -> str:
        """Return what a build is called in messages."""
        return f"build {number} of projection {self._projection!r}"

    def _mine(self, table: sa.Table, number: int) -> tuple[sa.ColumnElement[bool], ...]:
        return table.c.projection == self._projection, table.c.number == number

    def _read(self, row: Any, now: int) -> Build:  # noqa: ANN401 - rows have no type
        *_, parked, skipped = row
        seconds = (row.moved_ms - row.began_ms) / _SECOND_MS
        serving = row.serving or 0
        return Build(
            number=row.number,
            version=row.version,
            fits=row.shape == self._shape,
            position=row.position,
            state=_state(row.number, serving),
            is_paused=row.is_paused,
            holder=row.holder if row.lease_until_ms > now else "",
            epoch=row.epoch,
            failure=row.failure,
            parked=parked,
            skipped=skipped,
            events_per_second=(row.position - row.began_position) / seconds if seconds > 0 else 0.0,
        )


_STAND: Final = sa.select(BUILDS.c.epoch, BUILDS.c.position).where(
    BUILDS.c.projection == sa.bindparam("projection"), BUILDS.c.number == sa.bindparam("number")
)


def _lock(projection: str) -> sa.Select[Any]:
    query = sa.select(PROJECTIONS.c.space).where(PROJECTIONS.c.projection == projection)
    return query.with_for_update()


def _builds(projection: str) -> sa.Select[Any]:
    b, p = BUILDS.c, PROJECTIONS.c
    counts = [
        sa.select(sa.func.count())
        .where(
            POISON.c.projection == b.projection,
            POISON.c.number == b.number,
            POISON.c.is_parked == is_parked,
        )
        .scalar_subquery()
        for is_parked in (True, False)
    ]
    return (
        sa.select(BUILDS, p.serving, p.is_paused, *counts)
        .join(PROJECTIONS, b.projection == p.projection)
        .where(b.projection == projection)
        .order_by(b.number)
    )


def _upsert(connection: sa.Connection, made: sa.Table) -> Any:  # noqa: ANN401 - of either dialect
    insert = dialect_of(connection).insert(made)
    keys = [column.name for column in made.primary_key]
    new = insert.excluded
    others = {column.name: new[column.name] for column in made.c if not column.primary_key}
    if not others:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_=others)


def _state(number: int, serving: int) -> Literal["building", "serving", "retired"]:
    if number == serving:
        return "serving"
    return "building" if number > serving else "retired"


def dialect_of(connection: sa.Connection) -> Any:  # noqa: ANN401 - a module; both have the same `insert`
    """Return the dialect's own statements."""
    return postgresql if connection.dialect.name == "postgresql" else sqlite


def now_ms(connection: sa.Connection) -> int:
    """Return the time by the database's clock: leases are compared by nobody else's."""
    if connection.dialect.name == "postgresql":
        text = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
    else:
        text = "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS integer)"
    return int(connection.exec_driver_sql(text).scalar_one())
