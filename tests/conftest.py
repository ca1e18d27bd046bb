"""Fixtures that every test may ask for."""

from __future__ import annotations

import signal

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
