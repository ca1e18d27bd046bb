"""Read models in SQL: the port `mabeam.core.ports.ReadModel` on SQLite and PostgreSQL.

This package alone knows SQLAlchemy and the drivers.
"""

from __future__ import annotations

from mabeam.infra.sql.database import Database, open_database
from mabeam.infra.sql.model import SqlReadModel

__all__ = ["Database", "SqlReadModel", "open_database"]
