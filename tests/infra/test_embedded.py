"""The embedded server: real processes that start, share, die and are found again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mabeam.core.errors import ConfigurationError, DataFolderInUse, ServerFailed
from mabeam.infra.embedded import EmbeddedServer, child, running_server
from mabeam.infra.embedded.binary import BINARY_VARIABLE, find_binary
from mabeam.infra.embedded.configuration import render
from mabeam.infra.embedded.folder import DataFolder
from mabeam.infra.embedded.probe import identify, jetstream_answers
from support import server_owner
from support.processes import await_end, parent_of
from support.raw_client import RawClient

pytestmark = pytest.mark.jetstream


class Owner:
    """Another process that owns an embedded server."""

    def __init__(self, process: asyncio.subprocess.Process, facts: dict[str, str]) -> None:
        self.process = process
        self.url = facts["url"]
        self.pid = int(facts["pid"])
        self.folder = Path(facts["folder"])
        self.idler = int(facts["idler"])

    @classmethod
    async def start(cls, folder: Path | str, *arguments: str) -> Owner:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, server_owner.__file__, str(folder), *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        return cls(process, json.loads(await process.stdout.readline()))

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert await self.process.wait() == 0


def record_one(url: str) -> None:
    """Make a stream and record one message in it."""
    with RawClient(url) as client:
        stream = {"name": "log", "subjects": ["log.>"]}
        assert "error" not in client.request("$JS.API.STREAM.CREATE.log", stream)
        assert client.request("log.first", "kept")["seq"] == 1


def recorded(url: str) -> int:
    """Return how many messages that stream holds."""
    with RawClient(url) as client:
        messages: int = client.request("$JS.API.STREAM.INFO.log")["state"]["messages"]
        return messages


def program(folder: Path, text: str) -> Path:
    """Return a shell program with that text, to stand in for a server that misbehaves."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[None]:
    """Make the test's folder read-only, and take from root the right to write all the same."""
    nobody = 65534
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        yield
        tmp_path.chmod(0o700)
        return
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    tmp_path.chmod(0o555)
    os.seteuid(nobody)
    yield
    os.seteuid(0)


async def test_a_server_on_a_temporary_folder_answers_and_leaves_nothing_behind() -> None:
    async with EmbeddedServer() as server:
        assert jetstream_answers(server.url)
        assert server.folder.is_dir()
    assert identify(server.url) is None
    assert not server.folder.exists()
    await_end(server.pid, 0)


async def test_the_server_listens_on_one_loopback_address_only() -> None:
    async with EmbeddedServer() as server:
        assert server.url.startswith("nats://127.0.0.1:")
        elsewhere = server.url.replace("127.0.0.1", "127.0.0.2")
        assert identify(elsewhere) is None


async def test_the_server_keeps_the_acknowledgement_subjects_of_today() -> None:
    async with EmbeddedServer() as server:
        assert "js_ack_fc_v2 (disabled)" in DataFolder(server.folder).last_words(100)


@pytest.mark.parametrize("name", ["plain", 'a "quoted" $HOME ü \\ folder', "deeper/still"])
async def test_a_restart_on_the_same_folder_keeps_the_stream(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    async with EmbeddedServer(folder) as server:
        record_one(server.url)
    async with EmbeddedServer(folder) as server:
        assert recorded(server.url) == 1


async def test_a_folder_made_for_a_server_is_for_its_owner_only(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path / "data") as server:
        assert server.folder.stat().st_mode & 0o077 == 0


async def test_a_running_server_is_found_by_its_folder_until_it_ends(tmp_path: Path) -> None:
    assert running_server(tmp_path / "missing") is None
    async with EmbeddedServer(tmp_path) as server:
        assert running_server(str(tmp_path)) == server.url
    assert running_server(tmp_path) is None


@pytest.mark.slow
async def test_a_second_process_on_a_folder_is_told_the_address_of_the_first(
    tmp_path: Path,
) -> None:
    owner = await Owner.start(tmp_path)
    with pytest.raises(DataFolderInUse) as refused:
        await EmbeddedServer(tmp_path).__aenter__()
    assert refused.value.url == owner.url
    assert refused.value.folder == str(tmp_path)
    assert running_server(tmp_path) == owner.url
    await owner.leave()
    async with EmbeddedServer(tmp_path):
        pass


@pytest.mark.slow
async def test_a_folder_whose_server_does_not_answer_is_in_use_all_the_same(
    tmp_path: Path,
) -> None:
    async with EmbeddedServer(tmp_path) as server:
        os.kill(server.pid, signal.SIGSTOP)
        with pytest.raises(DataFolderInUse) as refused:
            await EmbeddedServer(tmp_path, stop_seconds=0.1).__aenter__()
        os.kill(server.pid, signal.SIGCONT)
    assert refused.value.url == ""


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
async def test_a_server_ends_when_its_owner_dies_and_its_folder_is_free(
    tmp_path: Path, death: signal.Signals
) -> None:
    owner = await Owner.start(tmp_path)
    record_one(owner.url)
    owner.process.send_signal(death)
    # Nothing is awaited here but the folder itself: the start must outwait the dying server.
    async with EmbeddedServer(tmp_path) as server:
        await_end(owner.pid, 0)
        assert recorded(server.url) == 1
    await owner.process.wait()


async def test_a_temporary_folder_goes_with_an_owner_that_was_killed() -> None:
    owner = await Owner.start("")
    guard = parent_of(owner.pid)
    await owner.kill()
    await_end(owner.pid)
    await_end(guard)
    assert not owner.folder.exists()


async def test_a_server_ends_when_its_owner_and_its_guard_are_killed(tmp_path: Path) -> None:
    owner = await Owner.start(tmp_path)
    os.kill(parent_of(owner.pid), signal.SIGKILL)
    await owner.kill()
    await_end(owner.pid)


@pytest.mark.slow
async def test_a_process_forked_from_the_owner_keeps_neither_server_nor_lock(
    tmp_path: Path,
) -> None:
    owner = await Owner.start(tmp_path, "fork")
    try:
        await owner.kill()
        await_end(owner.pid)
        async with EmbeddedServer(tmp_path) as server:
            assert jetstream_answers(server.url)
        os.kill(owner.idler, 0)
    finally:
        os.kill(owner.idler, signal.SIGKILL)


async def test_an_owner_with_a_forked_process_still_ends_its_server(tmp_path: Path) -> None:
    owner = await Owner.start(tmp_path, "fork")
    try:
        await owner.leave()
        await_end(owner.pid, 0)
    finally:
        os.kill(owner.idler, signal.SIGKILL)


async def test_an_interrupt_from_the_terminal_reaches_the_owner_alone(tmp_path: Path) -> None:
    owner = await Owner.start(tmp_path)
    assert owner.process.stdout is not None
    os.killpg(owner.process.pid, signal.SIGINT)
    assert await owner.process.stdout.readline() == b"interrupted\n"
    await owner.leave()


async def test_the_unexpected_end_of_a_server_is_noticed_and_logged(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with EmbeddedServer(tmp_path) as server:
            os.kill(server.pid, signal.SIGKILL)
            failed = await server.ended()
            assert isinstance(failed, ServerFailed)
            assert failed is server.failed
            assert "status 137" in str(failed)
            assert "Server is ready" in str(failed)
            assert running_server(tmp_path) is None
    assert {"event": "embedded server ended", "log_level": "error"}.items() <= lines[-1].items()


async def test_a_server_that_was_asked_to_end_has_not_failed() -> None:
    async with EmbeddedServer() as server:
        waiting = asyncio.create_task(server.ended())
    assert await waiting is None
    assert server.failed is None


async def test_a_failed_server_leaves_its_folder_to_a_successor(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as first:
        os.kill(first.pid, signal.SIGKILL)
        await first.ended()
        async with EmbeddedServer(tmp_path) as second:
            # The first leaves late, and must not take the second one's record with it.
            await first.__aexit__(None, None, None)
            assert running_server(tmp_path) == second.url


@pytest.mark.slow
async def test_a_cancelled_stop_still_ends_the_server(tmp_path: Path) -> None:
    inside = asyncio.Event()

    async def serve() -> None:
        async with EmbeddedServer(tmp_path, stop_seconds=0.3) as server:
            pids.append(server.pid)
            # A frozen server does not end when asked, so the stop lasts until it is killed.
            os.kill(server.pid, signal.SIGSTOP)
            inside.set()

    pids: list[int] = []
    task = asyncio.create_task(serve())
    await inside.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    with pytest.raises(asyncio.CancelledError):
        await task
    await_end(pids[0], 0)


async def test_a_cancelled_start_leaves_no_process_and_a_free_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)
    silent = program(tmp_path, f"echo $$ > '{started}'; exec sleep 60")
    with monkeypatch.context() as patch:
        patch.setenv(BINARY_VARIABLE, str(silent))
        task = asyncio.create_task(EmbeddedServer(tmp_path).__aenter__())
        pid = int(await asyncio.to_thread(started.read_text))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await_end(pid, 0)
    async with EmbeddedServer(tmp_path):
        pass


async def test_a_guard_that_hangs_is_ended_with_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_GUARD_SECONDS", 0.1)
    async with EmbeddedServer(tmp_path, stop_seconds=0.1) as server:
        os.kill(parent_of(server.pid), signal.SIGSTOP)
    await_end(server.pid)


async def test_a_file_is_refused_as_a_data_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (file, file / "below"):
        with pytest.raises(ConfigurationError, match="cannot be used as a data folder"):
            await EmbeddedServer(folder).__aenter__()


@pytest.mark.usefixtures("read_only")
async def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "below"):
        with pytest.raises(ConfigurationError, match="Permission denied"):
            await EmbeddedServer(folder).__aenter__()


async def test_streams_that_cannot_be_read_back_are_reported_in_the_servers_words(
    tmp_path: Path,
) -> None:
    (tmp_path / "jetstream").touch()
    with pytest.raises(ServerFailed, match="Can't start JetStream") as failed:
        await EmbeddedServer(tmp_path).__aenter__()
    assert "status 1" in str(failed.value)


async def test_a_program_that_is_no_server_is_reported_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BINARY_VARIABLE, str(program(tmp_path, "echo no such thing >&2; exit 7")))
    with pytest.raises(ServerFailed, match=r"status 7(.|\n)*no such thing"):
        await EmbeddedServer(tmp_path).__aenter__()


async def test_a_program_that_cannot_run_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o700)
    monkeypatch.setenv(BINARY_VARIABLE, str(broken))
    with pytest.raises(ServerFailed, match="could not be started"):
        await EmbeddedServer(tmp_path).__aenter__()


async def test_a_server_that_is_never_ready_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BINARY_VARIABLE, str(program(tmp_path, "exec sleep 60")))
    with pytest.raises(ServerFailed, match=r"not ready within 0.2 s(.|\n)*logged nothing"):
        await EmbeddedServer(tmp_path, start_seconds=0.2).__aenter__()


async def test_an_interpreter_that_cannot_run_the_guard_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BINARY_VARIABLE, str(find_binary()))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ServerFailed, match="no process could be started"):
        await EmbeddedServer(tmp_path).__aenter__()


@pytest.mark.parametrize("file", ["server.lock", "server.conf", "server.draft"])
async def test_a_file_that_cannot_be_written_is_reported_and_stops_the_server(
    tmp_path: Path, file: str
) -> None:
    (tmp_path / file).mkdir()
    with pytest.raises(ConfigurationError, match="Is a directory"):
        await EmbeddedServer(tmp_path).__aenter__()
    (tmp_path / file).rmdir()
    async with EmbeddedServer(tmp_path):
        pass


async def test_without_room_for_a_temporary_folder_nothing_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(ConfigurationError, match="no temporary folder"):
        await EmbeddedServer().__aenter__()


async def test_a_missing_program_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BINARY_VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(ConfigurationError, match=BINARY_VARIABLE):
        await EmbeddedServer(tmp_path / "data").__aenter__()
    assert not (tmp_path / "data").exists()


def test_a_log_that_is_missing_does_not_hide_the_failure(tmp_path: Path) -> None:
    assert "No such file" in DataFolder(tmp_path).last_words()


def test_a_server_without_jetstream_is_known_and_not_ready(tmp_path: Path) -> None:
    settings = json.loads(render(tmp_path))
    del settings["jetstream"]
    (tmp_path / "server.conf").write_text(json.dumps(settings))
    command = [str(find_binary()), "-c", str(tmp_path / "server.conf")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            listening = next(line for line in server.stderr if "Listening for client" in line)
            url = f"nats://{listening.split()[-1]}"
            assert identify(url)
            assert jetstream_answers(url) is None
        finally:
            server.terminate()
            server.communicate()


def test_a_port_that_hangs_up_after_its_greeting_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            with listening.accept()[0] as connection:
                connection.sendall(b'INFO {"server_id":"X"}\r\n')
                connection.recv(1)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass

        thread = threading.Thread(target=greet)
        thread.start()
        assert jetstream_answers(f"nats://127.0.0.1:{listening.getsockname()[1]}") is None
        thread.join()


def test_a_port_that_says_nothing_is_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"nats://127.0.0.1:{mute.getsockname()[1]}"
        assert identify(url, timeout_seconds=0.05) is None
        assert jetstream_answers(url, timeout_seconds=0.05) is None
