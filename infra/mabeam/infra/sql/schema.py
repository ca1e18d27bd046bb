"""The tables of a database: those of each build, the views on the one that serves, and ours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, ProgrammingError

from mabeam.core.errors import ConfigurationError
from mabeam.core.tables import ColumnType, Table

__all__ = ["BUILDS", "CONTROL", "POISON", "PROJECTIONS", "build_table", "shape_of", "show"]

CONTROL: Final = sa.MetaData()

PROJECTIONS: Final = sa.Table(
    "mabeam_projections",
    CONTROL,
    sa.Column("projection", sa.Text, primary_key=True, comment="name of the projection"),
    sa.Column("space", sa.Text, nullable=False, comment="the space whose log it is made of"),
    sa.Column("serving", sa.Integer, comment="the build that readers see"),
    sa.Column("is_paused", sa.Boolean, nullable=False, comment="whether nobody may be active"),
    comment="one row for each projection that mabeam keeps in this database",
)

BUILDS: Final = sa.Table(
    "mabeam_builds",
    CONTROL,
    sa.Column("projection", sa.Text, primary_key=True, comment="name of the projection"),
    sa.Column("number", sa.Integer, primary_key=True, comment="suffix of the build's tables"),
    sa.Column("version", sa.Integer, nullable=False, comment="version of the projection"),
    sa.Column("shape", sa.Text, nullable=False, comment="SHA-256 of the tables' definition"),
    sa.Column("tables", sa.Text, nullable=False, comment="names of the tables, as JSON"),
    sa.Column("position", sa.BigInteger, nullable=False, comment="the last position applied"),
    sa.Column("holder", sa.Text, nullable=False, comment="who is active; empty for nobody"),
    sa.Column("lease_until_ms", sa.BigInteger, nullable=False, comment="by the database's clock"),
    sa.Column("epoch", sa.BigInteger, nullable=False, comment="fences former holders"),
    sa.Column("failure", sa.Text, nullable=False, comment="why it stopped; empty if it did not"),
    sa.Column("began_position", sa.BigInteger, nullable=False, comment="where the holder began"),
    sa.Column("began_ms", sa.BigInteger, nullable=False, comment="when the holder began"),
    sa.Column("moved_ms", sa.BigInteger, nullable=False, comment="when the position last moved"),
    comment="the builds of each projection, with their checkpoints",
)

POISON: Final = sa.Table(
    "mabeam_poison",
    CONTROL,
    sa.Column("projection", sa.Text, primary_key=True, comment="name of the projection"),
    sa.Column("number", sa.Integer, primary_key=True, comment="the build"),
    sa.Column("position", sa.BigInteger, primary_key=True, comment="where the event stands"),
    sa.Column("type", sa.Text, nullable=False, comment="type of the event"),
    sa.Column("reason", sa.Text, nullable=False, comment="what went wrong"),
    sa.Column("is_parked", sa.Boolean, nullable=False, comment="whether it is to be tried again"),
    comment="events whose rows are missing from a build",
)

_TYPES: Final[dict[ColumnType, type[sa.types.TypeEngine[Any]]]] = {
    "text": sa.Text,
    "integer": sa.BigInteger,
    "boolean": sa.Boolean,
    "json": sa.Text,
    "decimal": sa.Text,
    "instant": sa.Text,
}
_NAMES: Final = {"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}


def build_table(table: Table, number: int) -> sa.Table:
    """Return a table of a build, which carries the build's number in its name."""
    columns: list[sa.Column[Any]] = [
        sa.Column(
            column.name,
            _TYPES[column.type],
            primary_key=column.is_key,
            autoincrement=False,
            nullable=column.is_optional,
            comment=column.meaning,
        )
        for column in table.columns
    ]
    made = sa.Table(
        f"{table.name}_{number}",
        sa.MetaData(naming_convention=_NAMES),
        *columns,
        comment=table.meaning,
    )
    for names in table.indexes:
        _ = sa.Index(None, *(made.c[name] for name in names))
    return made


def shape_of(tables: Sequence[Table]) -> str:
    """Return the SHA-256 of a definition, which tells whether rows still fit."""
    return hashlib.sha256(msgspec.json.encode(list(tables))).hexdigest()


def show(connection: sa.Connection, table: Table, made: sa.Table) -> None:
    """Let the view with the table's own name show a build's table.

    PostgreSQL keeps what was granted on the view, as long as its columns stay.

    Raises:
        ConfigurationError: Something else has the name of the view.
    """
    quote = connection.dialect.identifier_preparer.quote
    view = quote(table.name)
    columns = ", ".join(quote(column.name) for column in table.columns)
    query = f"AS SELECT {columns} FROM {quote(made.name)}"  # noqa: S608 - quoted identifiers
    try:
        if connection.dialect.name != "postgresql":
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {view}")
            connection.exec_driver_sql(f"CREATE VIEW {view} {query}")
            return
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(f"CREATE OR REPLACE VIEW {view} {query}")
        except ProgrammingError:
            # The columns are others now.
            connection.exec_driver_sql(f"DROP VIEW {view}")
            connection.exec_driver_sql(f"CREATE VIEW {view} {query}")
    except DBAPIError as error:
        raise ConfigurationError(f"the view {table.name} cannot be made: {error.orig}") from error
    _explain(connection, table, view)


def _explain(connection: sa.Connection, table: Table, view: str) -> None:
    quote = connection.dialect.identifier_preparer.quote
    connection.exec_driver_sql(f"COMMENT ON VIEW {view} IS {_literal(table.meaning)}")
    for column in table.columns:
        where = f"{view}.{quote(column.name)}"
        connection.exec_driver_sql(f"COMMENT ON COLUMN {where} IS {_literal(column.meaning)}")


def _literal(text: str) -> str:
    # Doubled are the quotation mark, and the mark of the driver's parameters.
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"
