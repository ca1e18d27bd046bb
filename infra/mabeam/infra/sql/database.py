"""One database, with a thread of its own so that no query holds up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
    SQLAlchemyError,
)

from mabeam.core.errors import (
    ConfigurationError,
    MabeamError,
    NotFound,
    Rejected,
    StoreFull,
    StoreUnavailable,
)
from mabeam.infra.sql.schema import CONTROL

__all__ = ["Database", "open_database"]

ResultT = TypeVar("ResultT")

_WAIT_SECONDS: Final = 10
"""How long to wait for a connection, or for another one's transaction."""

_DRIVERS: Final = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
_FORMS: Final = "sqlite:///file.db or postgresql://user@host/database"
# Classes of SQLSTATE: the data are at fault, a constraint, a limit of the program.
_REFUSALS: Final = ("22", "23", "54")
_FULL: Final = ("53100",)
# Result codes of SQLite: an error in what is asked, a file that is damaged, read only, out of
# reach or no database. Its driver tells them from a lock held by others in no other way.
_WRONG: Final = frozenset({1, 8, 11, 14, 26})
# Any number does that all versions of mabeam agree on.
_SETUP_LOCK: Final = 7_209_041_130_117


class Database:
    """A database in which read models are kept. Made by `open_database`.

    Args:
        engine: Where its connections come from.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mabeam-sql")

    @property
    def name(self) -> str:
        """Its address, without the password."""
        url = self._engine.url
        return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)

    @property
    def is_postgresql(self) -> bool:
        """Whether it is PostgreSQL; otherwise it is SQLite."""
        return self._engine.dialect.name == "postgresql"

    async def transact(self, work: Callable[[sa.Connection], ResultT]) -> ResultT:
        """Do something in a transaction, on the database's own thread.

        Transactions are done one after the other. One whose caller is cancelled is
        carried to its end.

        Raises:
            Rejected: The database refuses the data; nothing was recorded.
            StoreUnavailable: It cannot be reached, or the answer was lost: see what is there.
            StoreFull: It has no room left; nothing was recorded.
            ConfigurationError: It refuses what is asked, whatever the data.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._transact, work)

    async def close(self) -> None:
        """Wait for what is under way, then close the connections."""
        await asyncio.to_thread(self._thread.shutdown)
        self._engine.dispose()

    async def set_up(self) -> None:
        """Make the tables that the read models are administered by, where they are missing."""

        def make(connection: sa.Connection) -> None:
            if self.is_postgresql:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SETUP_LOCK)))
            CONTROL.create_all(connection)

        await self.transact(make)

    async def check_set_up(self) -> None:
        """See that something was ever projected into it.

        Raises:
            NotFound: Nothing was.
        """

        def look(connection: sa.Connection) -> bool:
            return all(map(sa.inspect(connection).has_table, CONTROL.tables))

        if self._is_missing() or not await self.transact(look):
            raise NotFound(f"nothing is projected into {self.name} yet; 'mabeam projection run'")

    def _is_missing(self) -> bool:
        # To look into a file that is not there would make it.
        return not (self.is_postgresql or Path(self._engine.url.database or "").exists())

    def _transact(self, work: Callable[[sa.Connection], ResultT]) -> ResultT:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except MabeamError:
            raise
        except SQLAlchemyError as error:
            raise _translated(self.name, error) from error


@asynccontextmanager
async def open_database(url: str, *, create: bool = True) -> AsyncGenerator[Database]:
    """Open the database at an address.

    Args:
        url: ``sqlite:///file.db`` or ``postgresql://user:password@host:port/database``.
        create: Make the tables that administer read models; who only looks passes False.

    Raises:
        ConfigurationError: The address has another form, or its driver is not installed.
        NotFound: Nothing was projected into it yet, and nothing is to be made.
        StoreUnavailable: The database cannot be reached.
    """
    database = Database(_engine(url))
    try:
        await (database.set_up() if create else database.check_set_up())
        yield database
    finally:
        await database.close()


def _engine(text: str) -> sa.Engine:
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(f"no address of a database; allowed: {_FORMS}") from error
    driver = _DRIVERS.get(url.get_backend_name())
    is_file = url.database not in (None, "", ":memory:")
    if driver is None or (driver.startswith("sqlite") and not is_file):
        shown = url.render_as_string(hide_password=True)
        raise ConfigurationError(f"{shown!r} is no database for this; allowed: {_FORMS}")
    url = url.set(drivername=driver)
    is_sqlite = driver.startswith("sqlite")
    arguments = {"timeout": _WAIT_SECONDS} if is_sqlite else {"connect_timeout": _WAIT_SECONDS}
    try:
        engine = sa.create_engine(
            url, connect_args=arguments, pool_size=1, max_overflow=0, pool_pre_ping=not is_sqlite
        )
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError(
            "PostgreSQL needs its driver: pip install 'mabeam[postgres]'"
        ) from error
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    # The driver would begin transactions by itself, and none for the definition of tables.
    connection.isolation_level = None
    # Readers and the writer do not wait for each other. A loss of power may take the last
    # transactions, checkpoint and rows alike, and they are simply done again.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _prepare_postgresql(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    # A process that was stopped within a transaction must not keep the others out for good.
    for setting in ("idle_in_transaction_session_timeout", "lock_timeout"):
        connection.execute(f"SET {setting} = '{_WAIT_SECONDS}s'")
    connection.commit()


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _translated(name: str, error: SQLAlchemyError) -> MabeamError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = str(getattr(cause, "sqlstate", None) or "")
    text = str(cause).strip().splitlines()[0] if str(cause).strip() else repr(cause)
    if state in _FULL or "disk is full" in text:
        return StoreFull(f"{name}: {text}")
    if isinstance(error, DataError | IntegrityError) or state.startswith(_REFUSALS):
        return Rejected("row.refused", f"the database refuses a row: {text}")
    code = getattr(cause, "sqlite_errorcode", None)
    is_wrong = isinstance(error, ProgrammingError) or (code or 0) & 0xFF in _WRONG
    return (ConfigurationError if is_wrong else StoreUnavailable)(f"{name}: {text}")
