"""The story of a scenario, told from what the log has recorded."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mabeam.app.console.style import Style, visible
from mabeam.app.console.table import fill
from mabeam.app.scenario import Chapter
from mabeam.app.telling import asides, tell
from mabeam.core.agent.events import HandlerFailed
from mabeam.core.envelope import Recorded
from mabeam.core.errors import CodecError
from mabeam.core.ports import EventStore
from mabeam.core.session.events import Decision, Failed
from mabeam.core.variable.events import Changed, ConflictDetected, Refused

__all__ = ["Narrator"]

WIDTH: Final = 80
_ACTOR: Final = 11
_NO_POSITION: Final = " " * 4
_MARGIN: Final = len(_NO_POSITION) + 2 + _ACTOR + 2


@dataclass(frozen=True, slots=True)
class Narrator:
    """Tells chapters in lines of at most 80 columns.

    Attributes:
        store: The log.
        style: How text is set apart.
    """

    store: EventStore
    style: Style

    async def tell(self, chapter: Chapter) -> list[str]:
        """Return the lines of a chapter."""
        lines = ["", self.style.strong(chapter.title)] if chapter.title else []
        if chapter.story:
            lines += (self.style.faint(line) for line in textwrap.wrap(chapter.story, WIDTH))
        async for page in self.store.read(after=chapter.after, until=chapter.until):
            for recorded in page:
                lines += self._event(recorded)
        for refusal in chapter.refusals:
            lines += self._wrapped("", refusal.by, f"is refused: {refusal.reason}", self.style.bad)
        if chapter.overdue:
            lines.append(self.style.bad(f"overdue: {chapter.overdue}"))
        return lines

    def _event(self, recorded: Recorded) -> Iterator[str]:
        position = self.style.faint(f"{recorded.position:>4}")
        colour = self._colour(recorded)
        yield from self._wrapped(position, recorded.actor, tell(recorded), colour)
        for text in asides(recorded):
            yield from self._wrapped("", "", text, self.style.faint)

    def _wrapped(
        self, position: str, actor: str, text: str, colour: Callable[[str], str]
    ) -> Iterator[str]:
        name = self.style.name(fill(visible(actor), _ACTOR))
        margin = f"{position or _NO_POSITION}  {name}  "
        lines = textwrap.wrap(visible(text), WIDTH - _MARGIN, break_on_hyphens=False) or [""]
        for index, line in enumerate(lines):
            yield f"{margin if index == 0 else ' ' * _MARGIN}{colour(line)}"

    def _colour(self, recorded: Recorded) -> Callable[[str], str]:
        try:
            event = recorded.data
        except CodecError:
            return self.style.bad
        match event:
            case Decision() | Changed():
                return self.style.strong
            case Refused() | HandlerFailed() | Failed():
                return self.style.bad
            case ConflictDetected():
                return self.style.doubtful
            case _:
                return str
