"""What a count comes to: the winners, and the certificate by which anyone can check them."""

from __future__ import annotations

import msgspec

from mabeam.core.voting.tally import Matrix

__all__ = ["Count", "Dropped", "Lock", "Round", "Total", "leading"]


class Total(msgspec.Struct, frozen=True, gc=False):
    """What one option has.

    Attributes:
        option: Its name.
        votes: A whole number or a fraction, as text.
    """

    option: str
    votes: str


class Lock(msgspec.Struct, frozen=True, gc=False):
    """A majority of one option over another, as ranked pairs take it up.

    Attributes:
        above: Whom more weight prefers.
        below: The other.
        kept: Whether it was locked; else it would have closed a circle.
    """

    above: str
    below: str
    kept: bool


class Dropped(msgspec.Struct, frozen=True, gc=False):
    """An option that is out of the race because of the default option.

    Attributes:
        option: Its name.
        reason: ``quorum_missed`` or ``ratio_missed``.
        votes: The weight that prefers it to the default option.
        against: The weight that prefers the default option.
    """

    option: str
    reason: str
    votes: int
    against: int


class Round(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step of a count in rounds.

    Attributes:
        tally: What each option that is still in the race has.
        elected: Who was elected in it.
        eliminated: Who fell out in it.
        tied: The options among which the declared tie-break chose, if it had to.
        last: How much weight has each option last, where the rule looks at that.
        exhausted: The weight that supports nobody any more.
        value: By what part of its value each ballot of the elected goes on; or the price of
            a seat for a voter of weight 1.
    """

    tally: tuple[Total, ...]
    elected: tuple[str, ...] = ()
    eliminated: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    last: tuple[Total, ...] = ()
    exhausted: str = ""
    value: str = ""


class Count(msgspec.Struct, frozen=True, omit_defaults=True):
    """Winners, and the certificate. Each rule fills in what proves it.

    Attributes:
        winners: Who is elected, in the order of election; several where there are several
            seats, nobody where nobody reached what the rule requires.
        tied: The options among which the declared tie-break chose, by name. For rules by
            scores or pairs these are all that would otherwise have won. For eliminations in
            rounds these are all that win under some order of the ties, if that could be
            found out with little work, else those tied in the first round that had ties;
            and for several seats always the latter.
        totals: What each option has: votes, points, approvals.
        pairwise: How much weight prefers one option to another, in the order of the options.
        paths: Strength of the strongest path from one option to another.
        locks: The majorities in the order in which they were taken up.
        order: An order of all options from which the weights differ least.
        cost: By how much they differ from it: the weight against each pair of it.
        dropped: Options that are out because of the default option.
        rounds: The steps of a count in rounds.
        level: The quota of seats; or what no voter may weigh more than.
    """

    winners: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    totals: tuple[Total, ...] = ()
    pairwise: Matrix = ()
    paths: Matrix = ()
    locks: tuple[Lock, ...] = ()
    order: tuple[str, ...] = ()
    cost: int = 0
    dropped: tuple[Dropped, ...] = ()
    rounds: tuple[Round, ...] = ()
    level: str = ""


def leading(leaders: set[str]) -> tuple[str, ...]:
    """Return who is tied, by name; nobody where one leads alone."""
    return tuple(sorted(leaders)) if len(leaders) > 1 else ()
