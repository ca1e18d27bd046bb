"""Keep a space as tables in SQLite or PostgreSQL, for people who live in SQL."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from mabeam.core import catalogue
from mabeam.core.errors import ConfigurationError
from mabeam.core.ports import CheckpointStore, EventStore
from mabeam.projections.packing import Packed
from mabeam.projections.tables import NAME, TABLES, VERSION, rows
from mabeam.projections.tabulation import TableProjection
from mabeam.projections.upkeep import PoisonPolicy, Upkeep
from mabeam.projections.world import WORLD, World

__all__ = ["SPACE_TABLES", "open_tables"]

SPACE_TABLES: Final[TableProjection[World]] = TableProjection(NAME, VERSION, TABLES, WORLD, rows)
"""Everything known about a space, as the tables of `mabeam.projections.tables`."""

# Importing the catalogue registers the event types that the fold reads.
_REGISTERED: Final = catalogue.DOMAINS


@asynccontextmanager
async def open_tables(  # noqa: PLR0913 - each names one independent choice
    store: EventStore,
    url: str,
    *,
    checkpoints: CheckpointStore | None = None,
    create: bool = True,
    poison: PoisonPolicy = "stop",
    lease_seconds: float = 5.0,
) -> AsyncGenerator[Upkeep[World]]:
    """Open the tables of a space; `mabeam.projections.keeping` keeps them current.

    Args:
        store: The log of the space.
        url: ``sqlite:///file.db`` or ``postgresql://user:password@host:port/database``; each
            space needs a database of its own.
        checkpoints: Where states are kept that shorten a start; None to fold from zero.
        create: Prepare the database; who only looks passes False.
        poison: What becomes of an event that cannot be applied.
        lease_seconds: How long the others wait for an active process that is not heard of.

    Raises:
        ConfigurationError: The address has another form, or a package is not installed.
        NotFound: Nothing was projected into the database yet, and nothing is to be made.
        StoreUnavailable: The database cannot be reached.
    """
    try:
        from mabeam.infra.sql import SqlReadModel, open_database
    except ImportError as error:
        raise ConfigurationError(
            f"tables need the package {error.name}: pip install 'mabeam[sql]'"
        ) from error

    async with open_database(url, create=create) as database:
        yield Upkeep(
            SPACE_TABLES,
            store,
            SqlReadModel(database, store.space, NAME, TABLES),
            holder=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}",
            checkpoints=checkpoints,
            codec=Packed(World),
            poison=poison,
            lease_seconds=lease_seconds,
        )
