"""How the command starts: at once, with help, and with hints for what is mistyped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mabeam.app.cli.codes import Code
from mabeam.app.cli.commands import COMMANDS, mabeam
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.manual import manual
from support.command import environment, invoke, run

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "asyncio",
    "immutables",
    "mabeam.agents",
    "mabeam.app.composition",
    "mabeam.core.session",
    "mabeam.infra",
    "mabeam.projections",
    "msgspec",
    "nats",
    "structlog",
)


def modules_after(*arguments: str) -> list[str]:
    """Return what a command has imported when it ends, in a process that nobody measures."""
    code = (
        "import json, sys; from mabeam.app.cli import main\n"
        "sys.argv[0] = 'mabeam'; code = main(sys.argv[1:])\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules))); sys.exit(code)"
    )
    unmeasured = {k: v for k, v in environment().items() if not k.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=unmeasured,
        capture_output=True,
        text=True,
        check=True,
    )
    modules: list[str] = json.loads(done.stderr.splitlines()[-1])
    return modules


def commands() -> list[tuple[str, click.Command]]:
    """Return every command, those inside groups included, by its path."""
    context = click.Context(mabeam, info_name="mabeam")
    found: list[tuple[str, click.Command]] = []
    for name in COMMANDS:
        command = mabeam.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += ((f"{name} {inner}", part) for inner, part in command.commands.items())
        else:
            found.append((name, command))
    return found


@pytest.mark.parametrize("arguments", [["--help"], ["tail", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    loaded = modules_after(*arguments)
    assert "mabeam.app.cli.commands" in loaded
    assert [name for name in loaded if name.startswith(HEAVY)] == []


def test_a_command_that_does_something_imports_what_it_needs() -> None:
    """The negative control: here the heavy modules would be noticed."""
    assert "msgspec" in modules_after("schema", "export", "--check", str(ROOT / "schemas"))


def test_help_lists_every_command_with_a_whole_sentence() -> None:
    done = invoke("--help")
    assert done.code == Code.OK
    listed = [line.split()[0] for line in done.lines if line.startswith("  ")]
    assert [name for name in COMMANDS if name not in listed] == []
    assert "..." not in done.out.partition("Commands:")[2]


@pytest.mark.parametrize(("name", "command"), commands(), ids=[name for name, _ in commands()])
def test_every_command_explains_itself_and_shows_examples(
    name: str, command: click.Command
) -> None:
    assert isinstance(command, ExampleCommand)
    assert all(f"mabeam {name}" in " ".join(command.examples) for _ in command.examples)
    undocumented = [
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert undocumented == []
    assert command.help
    assert command.help.splitlines()[0].endswith(".")


@pytest.mark.parametrize(("name", "command"), commands(), ids=[name for name, _ in commands()])
def test_the_examples_are_understood(name: str, command: click.Command) -> None:
    assert isinstance(command, ExampleCommand)
    lines = " ".join(command.examples).replace("\\", "").split("mabeam ")
    assert len(lines) > 1
    for options in [word for line in lines for word in line.split() if word.startswith("--")]:
        known = {option for parameter in command.params for option in parameter.opts}
        others = {"--json", "--no-follow", "--limit"}
        assert options in known | others


def test_the_version_is_told() -> None:
    done = invoke("--version")
    assert done.code == Code.OK
    assert done.out.startswith("mabeam 0.")


def test_a_mistyped_command_gets_a_hint_and_the_code_of_usage() -> None:
    done = invoke("tial")
    assert (done.code, done.out) == (Code.USAGE, "")
    assert "Did you mean 'tail'?" in done.err


def test_a_mistyped_option_gets_a_hint() -> None:
    done = invoke("tail", "--jsn")
    assert done.code == Code.USAGE
    assert "--json" in done.err


def test_without_a_command_help_is_shown() -> None:
    done = invoke()
    assert done.code == Code.USAGE
    assert "Commands:" in done.err


def test_the_page_about_the_commands_is_current() -> None:
    page = ROOT / "docs" / "reference" / "cli.md"
    assert page.read_text("utf-8") == manual() + "\n", "write it: python -m mabeam.app.cli.manual"


def test_the_page_names_every_command_code_and_variable() -> None:
    page = manual()
    assert all(f"## mabeam {name}" in page for name, _ in commands())
    assert all(f"| {code.value} |" in page for code in Code)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mabeam tail de", ["demo-1", "demo-2"]),
        ("mabeam state x", []),
        ("mabeam up team demo-", ["demo-1", "demo-2"]),
        ("mabeam pub t", ["team"]),
        ("mabeam age", ["agents"]),
    ],
)
def test_a_shell_completes_commands_and_spaces(
    tmp_path: Path, words: str, expected: list[str]
) -> None:
    for stream in ("mabeam_demo-1", "mabeam_demo-2", "mabeam_demo-2_checkpoints", "mabeam_team"):
        (tmp_path / "jetstream" / "$G" / "streams" / stream).mkdir(parents=True)
    done = run(
        _MABEAM_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split()) - 1),
        MABEAM_DATA=str(tmp_path),
    )
    assert done.code == Code.OK, done.err
    assert [line.split(",")[1] for line in done.lines if line] == expected


def test_a_fault_of_mabeam_s_own_is_owned_up_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("two left feet")

    monkeypatch.setattr("mabeam.app.cli.reading.world_of", broken)
    done = invoke("agents")
    assert done.code == Code.CHECK_FAILED
    assert done.err == (
        "mabeam: RuntimeError: two left feet; this is a fault of mabeam, -v shows where\n"
    )
    assert "in broken" in invoke("agents", "-v").err


def test_the_module_can_be_run_too() -> None:
    done = run("--help")
    assert done.code == Code.OK
    assert done.out == invoke("--help").out


def test_the_command_is_installed() -> None:
    program = Path(sys.executable).with_name("mabeam")
    done = subprocess.run(
        [program, "--version"], capture_output=True, text=True, env=dict(os.environ), check=True
    )
    assert done.stdout.startswith("mabeam 0.")
