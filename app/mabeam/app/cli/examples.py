"""Commands whose help shows how they are used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import click

__all__ = ["ExampleCommand", "write_examples"]


class ExampleCommand(click.Command):
    """A command with examples, which stand behind its options.

    Args:
        args: What a command of click takes.
        examples: Command lines.
        kwargs: What a command of click takes.
    """

    def __init__(self, *args: Any, examples: Sequence[str], **kwargs: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **kwargs)
        self.examples: Final = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the epilog."""
        write_examples(formatter, self.examples)
        super().format_epilog(ctx, formatter)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    """Write command lines as they are, without wrapping them."""
    with formatter.section("Examples"):
        indent = " " * formatter.current_indent
        formatter.write("".join(f"{indent}{example}\n" for example in examples))
