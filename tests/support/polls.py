"""A small protocol that knows its support: the word that most have said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction

from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session import PROTOCOLS, Decision, Hearing, Opening, Protocol, Speech

__all__ = ["POLL", "PollDecided", "PollOpened", "Polled", "polls"]


@event_type("com.example.poll.opened.v1", kind="session")
class PollOpened(Opening, frozen=True, kw_only=True):
    """A word is asked for."""

    rule: Policy = Policy("poll")


@event_type("com.example.poll.polled.v1", kind="session")
class Polled(Speech, frozen=True, kw_only=True):
    """A word is said."""

    word: str


@event_type("com.example.poll.decided.v1", kind="session")
class PollDecided(Decision, frozen=True, kw_only=True):
    """Which word most have said, of how many."""

    word: str = ""
    share: str = ""


def decide(hearing: Hearing[PollOpened]) -> PollDecided:
    """Count; the first of equals in the alphabet."""
    words = Counter(one.speech.word for one in hearing.by_agent() if isinstance(one.speech, Polled))
    best = min(words, key=lambda word: (-words[word], word), default="")
    return PollDecided(
        outcome="decided" if best else "no_quorum",
        rule=hearing.opening.rule,
        considered=hearing.considered,
        word=best,
        share=str(Fraction(words[best], sum(words.values()))) if best else "",
    )


POLL = Protocol(
    name="poll",
    opening=PollOpened,
    speech=Polled,
    check_opening=lambda _opening: None,
    check_speech=lambda _opening, _speech: None,
    say=lambda speech: str(getattr(speech, "word", "")),
    decide=decide,
    verify=lambda _hearing, _decision: None,
    result=lambda decision: str(getattr(decision, "word", "")) or None,
    support=lambda decision: Fraction(getattr(decision, "share", "") or 0),
)


@contextmanager
def polls() -> Generator[None]:
    """Let polls be known for a while."""
    POLL.register()
    yield
    del PROTOCOLS[PollOpened]
