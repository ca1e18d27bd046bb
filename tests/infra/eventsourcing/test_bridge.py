"""Who may wait does, and who may not is told so at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from eventsourcing.persistence import (
    InfrastructureFactoryError,
    OperationalError,
    ProgrammingError,
)
from eventsourcing.utils import Environment

from mabeam.infra.eventsourcing import Factory
from mabeam.infra.eventsourcing.bridge import Bridge
from support.nats_server import NatsServer, free_port

pytestmark = pytest.mark.jetstream

Make = Callable[..., Factory]


def test_a_call_from_the_thread_that_carries_it_out_is_refused(factory: Factory) -> None:
    recorder = factory.application_recorder()

    async def call() -> None:
        _ = recorder.max_notification_id()

    with pytest.raises(ProgrammingError, match="could never return"):
        Bridge.present().call(call)


async def test_a_call_where_another_loop_runs_is_refused_and_a_thread_of_its_own_is_not(
    make: Make,
) -> None:
    factory = await asyncio.to_thread(make)
    recorder = await asyncio.to_thread(factory.application_recorder)
    with pytest.raises(ProgrammingError, match=r"asyncio\.to_thread"):
        _ = recorder.max_notification_id()
    assert await asyncio.to_thread(recorder.max_notification_id) is None
    await asyncio.to_thread(factory.close)


def test_all_factories_share_one_thread(make: Make) -> None:
    recorders = [make().application_recorder() for _ in range(3)]
    assert all(recorder.max_notification_id() is None for recorder in recorders)
    threads = [one for one in threading.enumerate() if one.name == "mabeam eventsourcing"]
    assert len(threads) == 1


def test_what_was_closed_says_so(factory: Factory) -> None:
    recorder = factory.application_recorder()
    factory.close()
    factory.close()
    with pytest.raises(ProgrammingError, match="closed"):
        _ = recorder.max_notification_id()
    with pytest.raises(ProgrammingError, match="closed"):
        _ = factory.application_recorder()


@pytest.mark.slow
# Later versions of Python warn of the very thing that this is about.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_of_a_fork_is_told_to_construct_its_own(make: Make) -> None:
    recorder = make().application_recorder()
    answers = multiprocessing.get_context("fork").SimpleQueue()

    def child() -> None:
        try:
            _ = recorder.max_notification_id()
        except ProgrammingError as error:
            answers.put(str(error))
        again = make().application_recorder().max_notification_id()
        answers.put(str(again))
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    assert "after the fork" in answers.get()
    assert answers.get() == "None"
    process.join()
    assert recorder.max_notification_id() is None


def test_a_server_that_is_not_there_is_an_operational_error() -> None:
    where = {
        "MABEAM_NATS_URL": f"nats://127.0.0.1:{free_port()}",
        "MABEAM_SPACE": "nowhere",
        "MABEAM_CONNECT_SECONDS": "0.2",
    }
    with pytest.raises(OperationalError, match="no server answers"):
        _ = Factory(Environment("bank", where)).application_recorder()


def test_a_space_that_is_not_there_and_may_not_be_made_is_an_error(make: Make) -> None:
    factory = make(MABEAM_CREATE_SPACE="no")
    with pytest.raises(InfrastructureFactoryError, match="no stream"):
        _ = factory.application_recorder()


@pytest.mark.slow
def test_a_process_ends_although_nothing_was_closed(nats_server: NatsServer) -> None:
    program = """
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
app = Application()
app.save(Aggregate())
app.recorder.subscribe(gt=0)
print("saved")
"""
    env = os.environ | {
        "PERSISTENCE_MODULE": "mabeam.infra.eventsourcing",
        "MABEAM_NATS_URL": nats_server.url,
        "MABEAM_SPACE": f"end-{os.getpid()}",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "saved\n"
    assert done.stderr == ""


def test_without_the_library_its_extra_is_named() -> None:
    program = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "eventsourcing":
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
from mabeam.core.errors import ConfigurationError
try:
    from mabeam.infra.eventsourcing import Factory
except ConfigurationError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install 'mabeam[eventsourcing]'" in done.stdout
