"""A real PostgreSQL for tests: one server for the whole run, a fresh database for each test.

Tests that use it carry the marker ``postgres``. Where the server's programs are missing they
are skipped, but in CI they fail. A cluster that the machine may run itself is left alone.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import psycopg
import pytest

from support.nats_server import free_port

__all__ = ["PostgresServer", "postgres_server", "postgres_url", "programs"]

_LOOPBACK: Final = "127.0.0.1"
_OWNER: Final = "mabeam"
_STOP_SECONDS: Final = 20.0
# It makes a cluster in a folder of its own, starts it, and waits for the end of its input,
# which the kernel writes whatever death the test process dies. Then all of it is removed.
_SCRIPT: Final = """
set -e
folder=$(mktemp -d)
end() { pg_ctl stop -D "$folder/data" -s -m immediate || :; rm -rf "$folder"; }
trap end EXIT
cd "$folder"
{
  initdb -D data -U "$1" -A trust -E UTF8 --locale=C --no-sync --no-instructions
  pg_ctl start -w -s -D data -l server.log -o "-p $2 -c listen_addresses=$3 $4"
} >start.log 2>&1 </dev/null || { cat start.log server.log; exit 1; }
echo ready
read -r _ || :
"""
# What a test writes need not outlive it.
_SETTINGS: Final = (
    "-c unix_socket_directories= -c fsync=off -c synchronous_commit=off"
    " -c full_page_writes=off -c shared_buffers=32MB -c max_connections=60"
)


class PostgresServer:
    """A server in processes of its own, which also ends when the test process dies.

    Attributes:
        port: Where it listens.
        pid: The process that keeps it; when that is gone, so are the server and its files.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        """Start it from the folder of its programs, on a free port if none is given."""
        self.port = free_port() if port is None else port
        self._databases = itertools.count(1)
        user = _unprivileged()
        # It must not sit on the terminal's Ctrl-C, nor in a folder that its user may not see.
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "sh", _OWNER, str(self.port), _LOOPBACK, _SETTINGS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": f"{folder}:/usr/bin:/bin", "LC_ALL": "C"},
            cwd="/",
            start_new_session=True,
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else (),
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        if first != "ready\n":
            # All of it through the one buffer, of which `communicate` knows nothing.
            rest = self._process.stdout.read()
            self.close()
            raise AssertionError(f"PostgreSQL did not start: {first}{rest}")

    def url_of(self, database: str) -> str:
        """Return where clients find a database."""
        return f"postgresql://{_OWNER}@{_LOOPBACK}:{self.port}/{database}"

    def create_database(self) -> str:
        """Make a new, empty database and return its name."""
        name = f"test_{next(self._databases)}"
        self._order(f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._order(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """End it and remove what it wrote."""
        self._process.communicate(timeout=_STOP_SECONDS)

    def __enter__(self) -> Self:
        """Return it; it has been started."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    def _order(self, statement: str) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


def programs() -> Path | None:
    """Return the folder of the server's programs, the newest if there are several."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    versions = {int(one.parts[-3]): one.parent for one in found if one.parts[-3].isdigit()}
    return versions[max(versions)] if versions else None


def _unprivileged() -> str | None:
    """Return the user to run as, for the server refuses root; None stands for ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server all tests share; ask for `postgres_url` instead."""
    found = programs()
    if found is None:
        reason = "PostgreSQL is not installed: neither initdb in PATH nor in /usr/lib/postgresql"
        if os.environ.get("CI", "").lower() in {"", "0", "false"}:
            pytest.skip(reason)
        pytest.fail(f"in CI PostgreSQL must be tested, but {reason}", pytrace=False)
    with PostgresServer(found) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Where to find a new, empty database of the test's own: ``postgresql://…``."""
    database = postgres_server.create_database()
    yield postgres_server.url_of(database)
    postgres_server.drop_database(database)
