"""A server in a container, started as anyone starts one, carries the log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from mabeam.infra.embedded.probe import jetstream_answers
from support.conformance import run_conformance


@pytest.fixture(scope="module")
def url(image: str) -> Iterator[str]:
    """Where JetStream listens in a container of its own."""
    # The reaper is one more image to fetch; the context removes the container as well.
    testcontainers_config.ryuk_disabled = True
    ready = LogMessageWaitStrategy("Server is ready")
    container = DockerContainer(image).with_command("-js").with_exposed_ports(4222)
    with container.waiting_for(ready):
        yield f"nats://{container.get_container_host_ip()}:{container.get_exposed_port(4222)}"


def test_jetstream_answers_in_a_container(url: str) -> None:
    assert jetstream_answers(url)


@pytest.mark.timeout(600)
def test_the_store_conforms_on_a_server_in_a_container(url: str) -> None:
    run_conformance(url)
