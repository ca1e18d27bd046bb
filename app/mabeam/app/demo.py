"""The demonstration: a team coordinates over a real server, then its history replays."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from mabeam.app.composition import open_store
from mabeam.app.console.style import Style
from mabeam.app.replaying import Replay, Verification, replay, verification
from mabeam.app.scenario import scenario_in
from mabeam.app.staging import Performance, Tell, fresh_space, perform

__all__ = ["SCENARIO", "Demonstration", "demonstrate"]

SCENARIO: Final = Path(__file__).parent / "scenario" / "coding-team.toml"
"""What is played."""

_SHOWN: Final = 16


class Demonstration(msgspec.Struct, frozen=True):
    """What the demonstration came to.

    Attributes:
        performance: What the team did.
        replay: The same history, folded again by a reader that was not there.
        verification: Whether everything decided follows from the log.
    """

    performance: Performance
    replay: Replay
    verification: Verification

    @property
    def is_proved(self) -> bool:
        """Whether the replay comes to the state that was seen live, and all decisions follow."""
        return (
            self.replay.fingerprint == self.performance.fingerprint
            and self.verification.fingerprints_agree
            and not self.verification.report.divergences
        )


async def demonstrate(server: str, *, style: Style, tell: Tell, options: str = "") -> Demonstration:
    """Play the scenario in a fresh space, and replay it.

    Args:
        server: Address of the server.
        style: How text is set apart.
        tell: Writes lines.
        options: What a further command must be given to find the same log.
    """
    space = fresh_space("demo")
    tell([style.strong(f"A coding team in space {space}")])
    performance = await perform(scenario_in(SCENARIO), space, server, style=style, tell=tell)
    async with open_store(space, server, create=False) as store:
        again = await replay(store, performance.position)
        checked = await verification(store, performance.position)
    found = Demonstration(performance, again, checked)
    tell(_proof(found, style))
    tell(_next(space, options, style))
    return found


def _proof(found: Demonstration, style: Style) -> list[str]:
    live, again = found.performance.fingerprint, found.replay.fingerprint
    equal = style.good("equal") if live == again else style.bad("different")
    effort = f"{found.replay.position} events, {found.replay.seconds * 1000:.1f} ms"
    return [
        "",
        style.strong("The same history again"),
        style.faint("A second reader folds the log from zero. Nothing is executed, nothing sent."),
        f"      seen live    {live[:_SHOWN]}…",
        f"      replayed     {again[:_SHOWN]}…  {equal}: {effort}",
        f"      verified     {_verdict(found.verification, style)}",
    ]


def _verdict(checked: Verification, style: Style) -> str:
    report = checked.report
    if report.divergences:
        first = report.divergences[0]
        return style.bad(f"diverges at {first.position}: {first.detail}")
    follow = style.good("all decisions follow from the log")
    return f"{follow}: {report.decided} events, {report.certificates} certificates"


def _next(space: str, options: str, style: Style) -> list[str]:
    return [
        "",
        style.strong("Try next"),
        f"  mabeam tail {space} --no-follow{options}",
        f"  mabeam state {space} variables --at 12{options}",
        f"  mabeam replay {space} --verify{options}",
    ]
