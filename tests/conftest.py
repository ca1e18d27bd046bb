"""Fixtures that every test may ask for."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["support.nats_server"]

# How long an example takes says more about the machine than about the code.
settings.register_profile("mabeam", deadline=None)
settings.load_profile("mabeam")
