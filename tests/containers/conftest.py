"""What tests with containers need. Where it is missing they are skipped, but in CI they fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import pytest

from support.compose import find_compose
from support.nats_image import Missing, nats_image

Found = TypeVar("Found")

_HERE: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def image() -> str:
    """The image of nats-server to test."""
    return _find(nats_image)


@pytest.fixture(scope="session")
def compose() -> list[str]:
    """The command that runs Compose."""
    return _find(find_compose)


def _find(find: Callable[[], Found]) -> Found:
    try:
        return find()
    except Missing as missing:
        raise _verdict(str(missing)) from None


def _verdict(reason: str) -> BaseException:
    if os.environ.get("CI", "").lower() in {"", "0", "false"}:
        return pytest.skip.Exception(reason)
    return pytest.fail.Exception(f"in CI containers must be tested, but {reason}", pytrace=False)
