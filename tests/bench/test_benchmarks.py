"""Every benchmark runs, and its history is one that any verification accepts.

How fast anything is, is no test's business: a busy machine would fail it.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import msgspec
import pytest

from architecture.tidy import ROOT
from mabeam.infra.memory import MemoryStore
from mabeam.projections.verification import verify

pytestmark = pytest.mark.jetstream

FIGURES = {
    "one-by-one": 6,
    "pipelined": 6,
    "replay": 7,
    "rebuild": 2,
    "decisions": 14,
    "sessions": 4,
    "start": 1,
    "memory": 10,
    "tables": 1,
    "telemetry": 24,
    "eventsourcing": 10,
    "upcasting": 2,
    "matching": 3,
    "bundles": 6 if find_spec("ortools") else 3,
    "failover": 6,
    "votes": 10,
}


def bench(*arguments: str) -> str:
    command = [sys.executable, "-m", "bench", "--tiny", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_a_benchmark_gives_its_figures(name: str) -> None:
    run: dict[str, Any] = msgspec.json.decode(bench("--json", name))
    figures = run["figures"]
    assert len(figures) == FIGURES[name]
    assert all(figure["ours"] for figure in figures)
    assert "nats-server" in run["conditions"]


@pytest.mark.slow
def test_all_figures_stand_in_one_table_beside_their_baseline() -> None:
    lines = bench("start", "one-by-one").splitlines()
    assert "[raw: await js.publish]" in lines
    assert "[raw: python -c pass]" in lines
    for name in (
        "append one by one, speech, events/s ",
        "append one by one, compare-and-set, events/s ",
        "mabeam --help, ms CPU ",
    ):
        assert sum(line.startswith(name) for line in lines) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "layers"),
    [
        ("reading", ("parser.", "feed.", "envelope.", "events.")),
        ("writing", ("publisher.", "append.", "plan.", "wire.")),
    ],
)
def test_a_profile_names_the_dearest_functions(path: str, layers: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "bench.profiling", path, "600"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    named = [line for line in done.stdout.splitlines() if ", us profiled" in line]
    # Which of them is dearest follows whatever else the machine does in these milliseconds.
    assert any(line.startswith(layers) for line in named), named


def test_a_benchmark_that_does_not_exist_is_named() -> None:
    command = [sys.executable, "-m", "bench", "nonesuch"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no benchmark 'nonesuch'" in done.stderr


async def test_the_history_that_is_replayed_is_one_that_could_have_been(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    from bench.load import write_history  # noqa: PLC0415 - it is found only now

    store = MemoryStore("history")
    events = await write_history(store, 500)
    report = await verify(store)
    assert report.divergences == ()
    assert report.events == events >= 500
    assert report.certificates > 10
