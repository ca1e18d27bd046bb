"""The check of the method of equal shares: each price is enough, and none less would be."""

from __future__ import annotations

from fractions import Fraction

from mabeam.core.voting.ballots import Profile, TieKey
from mabeam.core.voting.checking.proof import disproved, expect, expect_only, number, support
from mabeam.core.voting.count import Count, Round, Total

__all__ = ["check_equal_shares"]


def check_equal_shares(profile: Profile, ties: TieKey, count: Count) -> None:
    """Follow the money of every voter through the rounds.

    A price is right if it just buys the elected, and buys nobody else with something to
    spare; so is a time to wait.

    Raises:
        Rejected: A price is not right, or who was bought with it.
    """
    expect_only(count, "rounds", "level")
    share = Fraction(profile.seats, profile.weight)
    expect("level", count.level, str(share))
    expect("rounds", len(count.rounds), min(profile.seats, len(profile.options)))
    money = [share for _ in profile.ballots]
    left = list(profile.options)
    earning = False
    for round_ in count.rounds:
        votes = {option: support(profile, option) for option in left}
        earning = earning or all(_held(profile, money, option) < 1 for option in left)
        price = number("rounds", round_.value.removeprefix("+"))
        if price < 0:
            raise disproved("rounds", round_.value, "0 or more")
        raised = {
            option: _raised(profile, money, option, price, earning=earning) for option in left
        }
        if earning and not any(votes.values()):
            expect("rounds", price, 0)
            tied = left
        else:
            expect("rounds", max(raised.values()), 1)
            tied = [option for option in left if raised[option] == 1]
            if not earning and not all(_pays_it(profile, money, o, price) for o in tied):
                raise disproved("rounds", round_.value, "no more than somebody has to pay")
        chosen = min(tied, key=ties)
        due = Round(
            tuple(Total(option, str(votes[option])) for option in left),
            elected=(chosen,),
            tied=tuple(sorted(tied)) if len(tied) > 1 else (),
            value=f"+{price}" if earning else str(price),
        )
        expect("rounds", round_, due)
        for place, ballot in enumerate(profile.ballots):
            money[place] += price if earning else 0
            if chosen in ballot.ranking[0]:
                money[place] -= money[place] if earning else min(money[place], price)
        left.remove(chosen)
    expect("winners", count.winners, tuple(r.elected[0] for r in count.rounds))
    expect("tied", count.tied, next((r.tied for r in count.rounds if r.tied), ()))


def _held(profile: Profile, money: list[Fraction], option: str) -> Fraction:
    return sum(
        (
            ballot.weight * held
            for ballot, held in zip(profile.ballots, money, strict=True)
            if option in ballot.ranking[0]
        ),
        start=Fraction(0),
    )


def _pays_it(profile: Profile, money: list[Fraction], option: str, price: Fraction) -> bool:
    return any(
        held >= price
        for ballot, held in zip(profile.ballots, money, strict=True)
        if option in ballot.ranking[0]
    )


def _raised(
    profile: Profile, money: list[Fraction], option: str, price: Fraction, *, earning: bool
) -> Fraction:
    paid = [held + price if earning else min(held, price) for held in money]
    return _held(profile, paid, option)
