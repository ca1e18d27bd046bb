"""Where the command starts, and what becomes of errors: one line, and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.commands import mabeam
from mabeam.app.cli.invocation import Invocation

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code.

    Args:
        arguments: What stands behind the command's name; that of the process if None.
    """
    invocation = Invocation()
    try:
        code = mabeam.main(arguments, prog_name="mabeam", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return Code.INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Whoever read the output has seen enough, and what is still buffered must go nowhere.
        # click ends the process by itself then, and when it has completed a word for a shell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Code.OK
    except Exception as error:  # noqa: BLE001 - the last place where an error can be told of
        return _failed(error, verbose=invocation.verbose > 0)
    return code if isinstance(code, int) else Code.OK


def _failed(error: Exception, *, verbose: bool) -> int:
    from mabeam.app.cli.errors import code_of, line_of

    if verbose:
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    click.echo(f"mabeam: {line_of(error)}", err=True)
    return code_of(error)
