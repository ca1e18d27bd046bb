"""What tests rely on in the PostgreSQL they are given."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from support.postgres import PostgresServer, programs
from support.processes import await_end

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

_OWNER = """
import sys
sys.path.insert(0, sys.argv[1])
from support.postgres import PostgresServer, programs
server = PostgresServer(programs())
print(server.pid, server.url_of("postgres"), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("which", ["first", "second"])
def test_each_test_has_an_empty_database(postgres_url: str, which: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
        connection.execute("CREATE TABLE mine (id integer)")
    assert tables == (0,)


def test_it_ends_and_leaves_nothing_when_the_test_process_is_killed(
    postgres_server: PostgresServer,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(Path(__file__).parents[1])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        pid, url = owner.stdout.readline().split()
        with psycopg.connect(url) as connection:
            found = connection.execute("SHOW data_directory").fetchone()
        owner.send_signal(signal.SIGKILL)
    await_end(int(pid))
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    assert found is not None
    assert not Path(found[0]).exists()


def test_a_server_that_cannot_start_says_why(postgres_server: PostgresServer) -> None:
    found = programs()
    assert found is not None
    with pytest.raises(AssertionError, match="could not bind"):
        PostgresServer(found, port=postgres_server.port)
