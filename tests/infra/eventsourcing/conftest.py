"""Recorders for tests of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from eventsourcing.utils import Environment

from mabeam.infra.eventsourcing import Factory
from mabeam.infra.eventsourcing.dcb import DCBFactory
from support.eventsourcing_cases import environment

Make = Callable[..., Factory]


@pytest.fixture
def variables(request: pytest.FixtureRequest) -> dict[str, str]:
    """What an environment says of a fresh space on the server that all tests share."""
    return environment(request, "file")


@pytest.fixture
def make(variables: dict[str, str]) -> Iterator[Make]:
    """Makes factories as separate services would; all are closed at the end."""
    made: list[Factory] = []

    def one(name: str = "", **more: str) -> Factory:
        found = DCBFactory(Environment(name, variables | more))
        made.append(found)
        return found

    yield one
    for factory in made:
        factory.close()


@pytest.fixture
def factory(make: Make) -> Factory:
    return make()
