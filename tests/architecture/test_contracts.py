"""Each import contract is seen to fail: a rule that never bites keeps nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTIONS = ("core", "projections", "infra", "agents", "app")
LINTER: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"][
    "importlinter"
]
CONTRACTS: dict[str, dict[str, Any]] = {found["name"]: found for found in LINTER["contracts"]}
PURE = "The core has no input, output, clock or chance"
MEASURES = "Only infra.observability imports what measures and traces"
CLOCKS_AND_WORLD = {
    *("asyncio", "nats", "os", "pathlib", "random", "secrets", "socket"),
    *("structlog", "subprocess", "threading", "time", "uuid"),
}

PLANTS = [
    ("Layers point downward", {"core.planted": "import mabeam.projections"}),
    ("Layers point downward", {"core.planted": "import mabeam.infra"}),
    ("Layers point downward", {"core.planted": "import mabeam.app"}),
    ("Layers point downward", {"projections.planted": "import mabeam.agents"}),
    ("Layers point downward", {"infra.planted": "import mabeam.app"}),
    ("Layers point downward", {"sixth.planted": "import mabeam.core"}),
    (
        "Agents and infra meet only through the core's ports",
        {"agents.planted": "import mabeam.infra"},
    ),
    (
        "Agents and infra meet only through the core's ports",
        {"infra.planted": "import mabeam.agents"},
    ),
    (
        "Infra serves the core's ports and knows no read model",
        {"infra.planted": "import mabeam.projections"},
    ),
    (PURE, {"core.planted": "from time import time"}),
    ("Only infra.jetstream imports nats", {"infra.planted": "import nats"}),
    ("Only infra.jetstream imports nats", {"app.planted": "from nats.aio.client import Client"}),
    ("Only infra.eventsourcing imports eventsourcing", {"infra.planted": "import eventsourcing"}),
    (
        "Only infra.sql imports SQLAlchemy and drivers of databases",
        {"infra.planted": "import sqlalchemy"},
    ),
    (
        "Only infra.sql imports SQLAlchemy and drivers of databases",
        {"app.planted": "def ask():\n    import sqlite3\n"},
    ),
    (
        "Only infra.solving imports numpy, scipy and solvers",
        {"core.planted": "def ask():\n    import numpy\n"},
    ),
    (
        "Only infra.solving imports numpy, scipy and solvers",
        {"infra.planted": "import scipy.optimize"},
    ),
    ("Only agents.dspy imports dspy", {"agents.planted": "def ask():\n    import dspy\n"}),
    (MEASURES, {"core.planted": "from opentelemetry import trace"}),
    (MEASURES, {"agents.planted": "import prometheus_client"}),
    (MEASURES, {"infra.jetstream.planted": "import opentelemetry.trace"}),
    ("Only the app speaks to a terminal", {"agents.planted": "import click"}),
    (
        "No cycles among siblings",
        {
            "core.planted": "import mabeam.core.planted_too",
            "core.planted_too": "import mabeam.core.planted",
        },
    ),
]

# The editable install would show the linter the planted copy and the original at once.
LINT = """
import os, sys
sys.path[:] = [path for path in sys.path if not os.path.isdir(os.path.join(path, "mabeam"))]
sys.path[:0] = [entry.path for entry in os.scandir() if entry.is_dir()]
from importlinter.cli import lint_imports
sys.exit(lint_imports(no_logo=True, no_cache=True))
"""


def lint(folder: Path, modules: dict[str, str]) -> tuple[int, str]:
    """Lint a copy of the sources to which modules were added; return exit code and report."""
    for portion in PORTIONS:
        shutil.copytree(
            ROOT / portion / "mabeam",
            folder / portion / "mabeam",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, text in modules.items():
        portion, *inner = name.split(".")
        path = folder.joinpath(portion, "mabeam", portion, *inner).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=folder,
        env={name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
        | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("contract", "modules"),
    PLANTS,
    ids=[", ".join(f"{name}: {text}" for name, text in modules.items()) for _, modules in PLANTS],
)
def test_a_planted_violation_breaks_its_contract(
    contract: str, modules: dict[str, str], tmp_path: Path
) -> None:
    code, report = lint(tmp_path, modules)
    assert f"{contract} BROKEN" in report, report
    assert code != 0


def test_every_forbidden_module_is_noticed_in_the_core(tmp_path: Path) -> None:
    forbidden: list[str] = CONTRACTS[PURE]["forbidden_modules"]
    assert set(forbidden) >= CLOCKS_AND_WORLD
    text = "".join(f"import {name}\n" for name in forbidden)
    _, report = lint(tmp_path, {"core.planted": text})
    unnoticed = [name for name in forbidden if f"mabeam.core.planted -> {name} " not in report]
    assert unnoticed == [], report


def test_the_permitted_importers_break_nothing(tmp_path: Path) -> None:
    """The negative control: the plants above fail for what they say, not for being new."""
    code, report = lint(
        tmp_path,
        {
            "infra.jetstream.planted": "import nats\nimport nats.aio.client\n",
            "infra.eventsourcing.planted": "import eventsourcing.persistence\n",
            "infra.sql.planted": "import psycopg, sqlalchemy, sqlite3\n",
            "infra.solving.planted": "import numpy, scipy.optimize\n",
            "infra.planted": "import asyncio, os, time, mabeam.core\n",
            "infra.observability.metrics.planted": "import prometheus_client\n",
            "agents.dspy.planted": "import dspy\n",
            "agents.planted": "import asyncio, mabeam.projections, mabeam.core\n",
            "projections.planted": "import mabeam.core\n",
            "app.planted": "import click, mabeam.agents, mabeam.infra, mabeam.projections\n",
        },
    )
    assert "BROKEN" not in report, report
    assert code == 0, report


def test_no_contract_is_left_without_a_plant() -> None:
    assert {contract for contract, _ in PLANTS} == set(CONTRACTS)
