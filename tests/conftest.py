"""Fixtures that every test may ask for."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

pytest_plugins = [
    "support.nats_server",
    "support.nats_cluster",
    "support.nats_domains",
    "support.postgres",
]

# How long an example takes says more about the machine than about the code.
settings.register_profile("mabeam", deadline=None)
settings.load_profile("mabeam")

# A shell that starts the tests in the background has them ignore Ctrl-C, and every process
# they start would ignore it, too; some tests end processes in just this way.
_ = signal.signal(signal.SIGINT, signal.default_int_handler)

# What uses the same ports, devices or names of the machine may not run side by side.
_ALONE = {"tests/containers/": "containers", "tests/infra/faults/": "faults"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the tests of a file run in one process, where several processes share the work."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        folder = next((name for name in _ALONE if file.startswith(name)), None)
        item.add_marker(pytest.mark.xdist_group(_ALONE[folder] if folder else file))
