"""The commands by name, each loaded when it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from mabeam.app.cli.examples import write_examples

__all__ = ["COMMANDS", "mabeam"]

COMMANDS: Final = {
    "demo": "mabeam.app.cli.demo:demo",
    "run": "mabeam.app.cli.run:run",
    "up": "mabeam.app.cli.up:up",
    "tail": "mabeam.app.cli.tail:tail",
    "pub": "mabeam.app.cli.pub:pub",
    "import": "mabeam.app.cli.importing:import_",
    "agents": "mabeam.app.cli.lists:agents",
    "variables": "mabeam.app.cli.lists:variables",
    "sessions": "mabeam.app.cli.lists:sessions",
    "session": "mabeam.app.cli.session:session",
    "auction": "mabeam.app.cli.auction:auction",
    "negotiate": "mabeam.app.cli.negotiate:negotiate",
    "task": "mabeam.app.cli.task:task",
    "vote": "mabeam.app.cli.vote:vote",
    "market": "mabeam.app.cli.market:market",
    "conflicts": "mabeam.app.cli.lists:conflicts",
    "state": "mabeam.app.cli.state:state",
    "replay": "mabeam.app.cli.replay:replay",
    "log": "mabeam.app.cli.log:log",
    "doctor": "mabeam.app.cli.doctor:doctor",
    "projection": "mabeam.app.cli.projection:projection",
    "schema": "mabeam.app.cli.schema:schema",
}
"""Where each command is defined, in the order in which a newcomer meets them."""


EXAMPLES: Final = (
    "mabeam demo                       watch a team coordinate",
    "mabeam up                         serve and coordinate in the background of all else",
    "mabeam tail SPACE                 see what happens as it happens",
    "mabeam state SPACE --at 12        see how things stood after event 12",
)


class LazyGroup(click.Group):
    """A group that imports the module of a command when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the base's signature
        """Return the names in their own order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the base's signature
        """Load a command, or return None if there is none of that name."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            module, _, attribute = COMMANDS[cmd_name].partition(":")
            self.add_command(getattr(import_module(module), attribute), cmd_name)
        return self.commands.get(cmd_name)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the epilog."""
        write_examples(formatter, EXAMPLES)
        super().format_epilog(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name; click suggests others if there is none."""
        if args[0] not in COMMANDS:
            for name in COMMANDS:
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 check failed, 2 usage, 3 not found, 4 NATS unreachable, "
    "5 invalid data, 6 replay diverged, 130 interrupted.",
)
@click.version_option(package_name="mabeam", message="%(prog)s %(version)s")
def mabeam() -> None:
    """Coordinate teams of agents over NATS JetStream, and replay what they did."""
