"""What is compared with the programs of others, where these are installed: `make test-oracles`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

import pytest

_NEEDED: Final = {"test_voting_oracle.py": "pref_voting"}
"""The program that each file compares with."""

_ABSENT: Final = {file: name for file, name in _NEEDED.items() if find_spec(name) is None}

collect_ignore = [*_ABSENT]


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Tell what is not compared, when this folder is what is run."""
    return [f"{name} is not installed: {file} is left out" for file, name in _ABSENT.items()]
