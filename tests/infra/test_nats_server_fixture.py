"""The servers that tests run against do what the tests rely on."""

from __future__ import annotations

import os

import pytest

from mabeam.infra.embedded.probe import identify, jetstream_answers
from support.nats_server import NatsServer

pytestmark = pytest.mark.jetstream


def test_the_shared_server_answers(nats_server: NatsServer) -> None:
    assert jetstream_answers(nats_server.url)


def test_a_killed_server_comes_back_at_the_same_address(breakable_server: NatsServer) -> None:
    before = identify(breakable_server.url)
    breakable_server.kill()
    assert identify(breakable_server.url) is None
    breakable_server.start()
    assert identify(breakable_server.url) not in {None, before}


def test_a_frozen_server_is_silent_until_it_thaws(breakable_server: NatsServer) -> None:
    breakable_server.freeze()
    assert identify(breakable_server.url, timeout_seconds=0.05) is None
    breakable_server.thaw()
    assert identify(breakable_server.url, timeout_seconds=10)


def test_a_stopped_server_leaves_no_process(breakable_server: NatsServer) -> None:
    pid = breakable_server.pid
    breakable_server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
