"""`mabeam task`: call for proposals, propose and report, from the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import Duration, as_json, complete_space, placed
from mabeam.app.cli.sessions import (
    open_session,
    say_fields,
    show_command,
    write_opened,
    write_said,
)

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place

__all__ = ["task"]

_MS: Final = 1_000
_BY = click.option("--by", default="operator", show_default=True, help="In whose name.")


@click.group
def task() -> None:
    """Call for proposals, propose or refuse, report it done."""


@task.command(
    "open",
    cls=ExampleCommand,
    examples=(
        "mabeam task open team 'fix the parser' --requires python --contractor ann \\",
        "    --contractor ben --name parser",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("what", metavar="TASK")
@click.option("--requires", multiple=True, help="A capability that it takes.")
@click.option("--contractor", "contractors", multiple=True, help="Who may propose.  [default: all]")
@click.option("--awards", type=int, default=1, show_default=True, help="How many are accepted.")
@click.option("--cost-max", type=int, help="Dearer proposals are rejected.")
@click.option(
    "--rule",
    type=click.Choice(["lowest_cost", "best_score"]),
    default="lowest_cost",
    show_default=True,
    help="Which proposals are best.",
)
@click.option(
    "--reply-seconds", type=Duration(), default="10", show_default=True, help="Time for proposals."
)
@click.option(
    "--done-seconds", type=Duration(), default="1h", show_default=True, help="Time for the task."
)
@click.option("--name", help="Name of the session.  [default: a fresh id]")
@_BY
@click.option("--wait", is_flag=True, help="Wait for its end, coordinate meanwhile, and show it.")
@as_json
@placed
def open_(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    what: str,
    *,
    requires: tuple[str, ...],
    contractors: tuple[str, ...],
    awards: int,
    cost_max: int | None,
    rule: str,
    reply_seconds: float,
    done_seconds: float,
    name: str | None,
    by: str,
    wait: bool,
    json: bool,
) -> None:
    """Call for proposals for TASK in SPACE, which is made if it is new; print the name.

    Without --wait a coordinator must run elsewhere, such as that of `mabeam up`.
    """
    from mabeam.app.asking import opening_of
    from mabeam.app.cli.running import complete

    # Whoever calls is named too where contractors are, so that it may cancel a contract.
    named = [*dict.fromkeys((*contractors, by))] if contractors else []
    fields = {
        "task": what,
        "requires": list(requires),
        "participants": named,
        "awards": awards,
        "cost_max": cost_max,
        "rule": rule,
        "reply_by_ms": round(reply_seconds * _MS),
        "done_by_ms": round(done_seconds * _MS),
        # Longer than both together, which end it otherwise.
        "open_for_ms": min(round((reply_seconds + done_seconds + 60) * _MS), 366 * 24 * 3600 * _MS),
    }
    opening = opening_of("contract_net", fields)
    found, state = complete(open_session(place, space, opening, name=name, by=by, wait=wait))
    write_opened(found, state, wait=wait, json=json)


@task.command(
    cls=ExampleCommand,
    examples=("mabeam task propose team parser --cost 12 --can python --by ann",),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.option("--cost", type=int, required=True, help="At what cost, in minor units.")
@click.option("--score", type=int, default=0, help="How well; more is better.")
@click.option("--can", multiple=True, help="A capability that you have.")
@click.option("--note", default="", help="Why, for people.")
@_BY
@as_json
@placed
def propose(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    name: str,
    *,
    cost: int,
    score: int,
    can: tuple[str, ...],
    note: str,
    by: str,
    json: bool,
) -> None:
    """Propose to do the task of the call NAME in SPACE; print the position of the word."""
    fields = {"cost": cost, "score": score, "capabilities": list(can), "note": note}
    _say(place, space, name, "task_proposed", fields, by=by, json=json)


@task.command(
    cls=ExampleCommand,
    examples=(
        "mabeam task refuse team parser --reason busy --by ann",
        "mabeam task refuse team parser --not-understood --reason 'which one?' --by ann",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.option("--reason", default="", help="Why, for people.")
@click.option("--not-understood", is_flag=True, help="Say instead that the call makes no sense.")
@_BY
@as_json
@placed
def refuse(  # noqa: PLR0913 - each is a choice of its own
    place: Place, space: str, name: str, *, reason: str, not_understood: bool, by: str, json: bool
) -> None:
    """Refuse to do the task of the call NAME in SPACE; print the position of the word."""
    kind = "task_not_understood" if not_understood else "task_refused"
    _say(place, space, name, kind, {"reason": reason}, by=by, json=json)


@task.command(
    cls=ExampleCommand,
    examples=(
        "mabeam task done team parser --result 'merged as 7f3a' --by ann",
        "mabeam task done team parser --failed 'it does not build' --by ann",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.option("--result", default="", help="What came of it.")
@click.option("--failed", help="Report instead that it has failed, and why.")
@_BY
@as_json
@placed
def done(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    name: str,
    *,
    result: str,
    failed: str | None,
    by: str,
    json: bool,
) -> None:
    """Report that the task of the call NAME in SPACE is done, or has failed."""
    if failed is None:
        _say(place, space, name, "task_done", {"result": result}, by=by, json=json)
    else:
        _say(place, space, name, "task_failed", {"reason": failed}, by=by, json=json)


@task.command(
    cls=ExampleCommand,
    examples=("mabeam task cancel team parser --contractor ann --reason 'too slow'",),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.option("--contractor", default="", help="Whose.  [default: all that are under way]")
@click.option("--reason", default="", help="Why, for people.")
@_BY
@as_json
@placed
def cancel(  # noqa: PLR0913 - each is a choice of its own
    place: Place, space: str, name: str, *, contractor: str, reason: str, by: str, json: bool
) -> None:
    """Take contracts of the call NAME in SPACE back, in the name of who called.

    Before proposals are accepted, take the call itself back with `mabeam session cancel`.
    """
    fields = {"contractor": contractor, "reason": reason}
    _say(place, space, name, "contract_cancelled", fields, by=by, json=json)


def _say(  # noqa: PLR0913 - where, what, in whose name, and how to tell it
    place: Place,
    space: str,
    name: str,
    kind: str,
    fields: dict[str, Any],
    *,
    by: str,
    json: bool,
) -> None:
    from mabeam.app.cli.running import complete

    said = complete(say_fields(place, space, name, kind, fields, by=by))
    write_said(space, name, said, json=json)


task.add_command(
    show_command(
        "Show how it stands with each contractor of the call NAME in SPACE.",
        ("mabeam task show team parser", "mabeam task show team parser --follow"),
    )
)
