"""The wheel holds the whole package and nothing else, and works where no source lies about.

It is installed into an environment that sees only what the wheel declares that it needs, so
that neither a file left out nor an undeclared dependency goes unnoticed. Nothing is fetched.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTIONS = ("core", "projections", "infra", "agents", "app")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ENVIRONMENT = {
    name: text
    for name, text in os.environ.items()
    if not name.startswith(("COVERAGE", "PYTHON", "VIRTUAL_ENV"))
}

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import mabeam
UNDECLARED = {"dspy", "eventsourcing", "opentelemetry", "prometheus_client", "sqlalchemy"}
for found in pkgutil.walk_packages(mabeam.__path__, "mabeam."):
    if not found.name.endswith(".__main__"):
        try:
            module = importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if error.name not in UNDECLARED:
                raise
        else:
            assert module.__file__.startswith(sys.prefix), module.__file__
            print(found.name)
"""

# Packages for libraries that are not declared, or only as extras, because few need them.
ADAPTER = re.compile(
    r"mabeam\.(agents\.dspy|infra\.(eventsourcing|sql|observability\.(metrics|tracing)))\b"
)

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program to its end, and return what it wrote."""
    done = subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needed(distribution: str) -> set[str]:
    """Return a distribution and all that it needs on this platform, extras aside."""
    found: set[str] = set()
    waiting = [distribution]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for line in metadata.requires(name) or ():
            requirement, _, marker = line.partition(";")
            if "extra" not in marker and "win32" not in marker:
                waiting.append(re.split(r"[^\w.-]", requirement.strip())[0])
    return found


def expose(distributions: set[str], folder: Path) -> None:
    """Link the installed files of some distributions, and of no others, into a folder."""
    for name in distributions:
        for path in metadata.files(name) or ():
            top = path.parts[0]
            if top not in {"..", "__pycache__"} and not (folder / top).exists():
                (folder / top).symlink_to(Path(str(metadata.distribution(name).locate_file(top))))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT),
        cwd=ROOT,
    )
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and its declared dependencies alone."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install")
    run(*pip, "--quiet", "--no-index", "--no-deps", wheel, cwd=folder)
    linked = folder / "linked"
    linked.mkdir()
    for line in PROJECT["dependencies"]:
        expose(needed(plain_name(line)), linked)
    [site] = folder.glob("lib/python*/site-packages")
    (site / "linked.pth").write_text(f"{linked}\n")
    return folder


def plain_name(requirement: str) -> str:
    """Return the name in a requirement."""
    return re.split(r"[^\w.-]", requirement)[0]


def sources() -> set[str]:
    """Return the files of the package, as the wheel should name them."""
    return {
        str(path.relative_to(ROOT / portion))
        for portion in PORTIONS
        for path in (ROOT / portion / "mabeam").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_modules_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == sources()
    assert {f"mabeam/{portion}/py.typed" for portion in PORTIONS} <= packed
    assert {name.split("/")[1] for name in packed} == set(PORTIONS)


def test_the_wheel_carries_its_licence_and_declares_its_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [licence] = [name for name in archive.namelist() if name.endswith("/LICENSE")]
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
        [about] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        text = archive.read(about).decode()
    declared = set(re.findall(r"(?m)^Requires-Dist: ([\w.-]+)(?!.*extra ==)", text))
    assert declared == {plain_name(line) for line in PROJECT["dependencies"]}
    assert f"Requires-Python: {PROJECT['requires-python']}" in text


def test_every_module_imports_with_the_declared_dependencies_alone(
    environment: Path, tmp_path: Path
) -> None:
    printed = run(environment / "bin" / "python", "-c", IMPORT_EVERYTHING, cwd=tmp_path)
    expected = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in sources()
        if name.endswith(".py") and not name.endswith("/__main__.py")
    }
    # Of an adapter, some modules may do without the library that it adapts to.
    assert expected >= set(printed.split())
    assert {name for name in expected if not ADAPTER.match(name)} <= set(printed.split())


def test_the_environment_really_lacks_what_is_not_declared(
    environment: Path, tmp_path: Path
) -> None:
    """The negative control: here an undeclared dependency would be noticed."""
    code = "import importlib.util as u; print(u.find_spec('msgspec'), u.find_spec('pytest'))"
    printed = run(environment / "bin" / "python", "-c", code, cwd=tmp_path)
    assert printed.startswith("ModuleSpec(name='msgspec'")
    assert printed.endswith(" None\n")


@pytest.mark.parametrize("extra", ["metrics", "tracing"])
def test_a_missing_extra_is_named(environment: Path, tmp_path: Path, extra: str) -> None:
    code = (
        "from mabeam.app import telemetry\n"
        "from mabeam.core.errors import ConfigurationError\n"
        f"try: telemetry.{extra}()\n"
        "except ConfigurationError as error: print(error)"
    )
    printed = run(environment / "bin" / "python", "-c", code, cwd=tmp_path)
    assert f"pip install 'mabeam[{extra}]'" in printed


def test_the_command_starts(environment: Path, tmp_path: Path) -> None:
    printed = run(environment / "bin" / "mabeam", "--help", cwd=tmp_path)
    assert printed.startswith("Usage: mabeam")
