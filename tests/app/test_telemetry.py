"""Who looks on is made on demand, and tells what is missing for it."""

from __future__ import annotations

import sys

import pytest

from app.test_cli_start import modules_after
from mabeam.app import telemetry
from mabeam.core.errors import ConfigurationError


@pytest.mark.parametrize("extra", ["metrics", "tracing"])
def test_a_missing_extra_is_named(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"mabeam.infra.observability.{extra}", None)
    with pytest.raises(ConfigurationError, match=rf"pip install 'mabeam\[{extra}\]'"):
        _ = getattr(telemetry, extra)()


def test_who_does_not_ask_loads_neither_library(tmp_path: object) -> None:
    note = ("--type", "com.example.note", "--subject", "note/1")
    loaded = modules_after("pub", "team", "1", *note, "--data", f"{tmp_path}/data")
    assert "mabeam.app.composition" in loaded
    assert [name for name in loaded if name.startswith(("opentelemetry", "prometheus"))] == []
