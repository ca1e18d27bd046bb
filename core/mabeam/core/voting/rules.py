"""The rules of votes by name: what each takes, how it counts, how its counts are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.policies import Policies
from mabeam.core.voting import (
    eliminating,
    pairwise,
    scoring,
    sharing,
    transferring,
)
from mabeam.core.voting.ballots import Profile, TieKey
from mabeam.core.voting.checking import pairs, rounds, shares, totals
from mabeam.core.voting.count import Count
from mabeam.core.voting.debian import debian
from mabeam.core.voting.explaining import Backing
from mabeam.core.voting.pairwise import Strength

__all__ = ["RULES", "Form", "Rule"]

Form: TypeAlias = Literal["one", "strict", "any"]
"""Ballots that a rule takes: one option in the first group, one in every group, or any."""

OPTIONS_MAX: Final = 64
DIGITS_MAX: Final = 12
HALF: Final = "1/2"

CountVotes: TypeAlias = Callable[[Profile, TieKey], Count]
CheckCount: TypeAlias = Callable[[Profile, TieKey, Count], None]
Settles: TypeAlias = Callable[[str, int, int], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its parameters filled in.

    Attributes:
        count: Finds the winners.
        check: Raises `Rejected` unless a count proves its winners. It must not use ``count``.
        form: Which ballots it takes.
        options_max: How many options it can count.
        seats_max: How many seats it can fill.
        options: Options that its parameters name.
        of_eligible: Whether it counts against the weight of all who may vote.
        needs_default: Whether it cannot do without a default option.
        backing: Of what the winner's support is a share.
        settles: Whether an option wins, whatever the others say, that a given part of the
            eligible weight has alone in the first place. None where no part is enough.
    """

    count: CountVotes
    check: CheckCount
    form: Form = "any"
    options_max: int = OPTIONS_MAX
    seats_max: int = 1
    options: tuple[str, ...] = ()
    of_eligible: bool = False
    needs_default: bool = False
    backing: Backing = ""
    settles: Settles | None = None


def by_majority(option: str, votes: int, eligible: int) -> bool:  # noqa: ARG001 - all are alike
    """Tell whether more than half has an option first, against which all others cannot win.

    This is the majority criterion: every rule satisfies it that names this function
    (Zwicker 2016, section 2.4).
    """
    return 2 * votes > eligible


RULES: Policies[[], Rule] = Policies("voting rule")


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes none."""


class OfParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of what weight a share is taken.

    Attributes:
        of: ``cast``: of the ballots that are not blank. ``eligible``: of all who may vote.
    """

    of: Literal["cast", "eligible"] = "cast"


class RatioParameters(OfParameters, frozen=True, forbid_unknown_fields=True):
    """A share that is enough.

    Attributes:
        ratio: A fraction above one half and at most 1, as text.
    """

    ratio: str = "2/3"


class ThresholdParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares that must be exceeded, by option.

    Attributes:
        threshold: For options that have none of their own; from 0 to below 1.
        thresholds: For some options.
        of: Of what weight.
    """

    threshold: str = HALF
    thresholds: dict[str, str] = {}
    of: Literal["cast", "eligible"] = "eligible"


class StrengthParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How strong a majority is.

    Attributes:
        strength: ``winning_votes`` or ``margins``.
    """

    strength: Strength = "winning_votes"


class BatchParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many drop in a round.

    Attributes:
        batch: Whether those that together have less than the next one drop at once.
    """

    batch: bool = False


class DebianParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an option needs against the default option.

    Attributes:
        quorum: The least weight that prefers it; a number as text.
        ratio: By what ratio it must beat the default option; 1 or more.
        ratios: The same for some options.
    """

    quorum: str = "0"
    ratio: str = "1"
    ratios: dict[str, str] = {}


class ConfidenceParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a voter may count, and what an option needs.

    Attributes:
        cap: The greatest share of all that one voter may have; above 0, at most 1.
        threshold: The share that must be exceeded; from 0 to below 1.
    """

    cap: str = HALF
    threshold: str = HALF


@RULES.register("majority", 1, OfParameters)
def _majority(parameters: OfParameters) -> Rule:
    return _threshold(parameters.of, lambda _: Fraction(1, 2), exceeded=True)


@RULES.register("supermajority", 1, RatioParameters)
def _supermajority(parameters: RatioParameters) -> Rule:
    ratio = _number("ratio", parameters.ratio)
    if not Fraction(1, 2) < ratio <= 1:
        raise _refusal("ratio", parameters.ratio, "above 1/2, at most 1")
    return _threshold(parameters.of, lambda _: ratio, exceeded=False)


@RULES.register("unanimity", 1, OfParameters)
def _unanimity(parameters: OfParameters) -> Rule:
    return _threshold(parameters.of, lambda _: Fraction(1), exceeded=False)


@RULES.register("weighted_majority", 1, ThresholdParameters)
def _weighted_majority(parameters: ThresholdParameters) -> Rule:
    otherwise, by_option = _numbers(
        "threshold",
        parameters.threshold,
        parameters.thresholds,
        lambda share: 0 <= share < 1,
        "from 0 to below 1",
    )
    return _threshold(
        parameters.of,
        lambda option: by_option.get(option, otherwise),
        exceeded=True,
        options=tuple(parameters.thresholds),
    )


@RULES.register("plurality", 1, NoParameters)
def _plurality(parameters: NoParameters) -> Rule:  # noqa: ARG001 - it has none
    return Rule(
        scoring.plurality,
        totals.check_first_groups,
        form="one",
        backing="totals",
        settles=by_majority,
    )


@RULES.register("approval", 1, NoParameters)
def _approval(parameters: NoParameters) -> Rule:  # noqa: ARG001 - it has none
    return Rule(scoring.approval, totals.check_first_groups, backing="cast")


@RULES.register("borda", 1, NoParameters)
def _borda(parameters: NoParameters) -> Rule:  # noqa: ARG001 - it has none
    return Rule(scoring.borda, pairs.check_borda)


@RULES.register("bucklin", 1, NoParameters)
def _bucklin(parameters: NoParameters) -> Rule:  # noqa: ARG001 - it has none
    return Rule(
        scoring.bucklin,
        totals.check_bucklin,
        form="strict",
        options_max=32,
        backing="cast",
        settles=by_majority,
    )


@RULES.register("coombs", 1, NoParameters)
def _coombs(parameters: NoParameters) -> Rule:  # noqa: ARG001 - it has none
    return Rule(
        eliminating.coombs,
        rounds.check_coombs,
        form="strict",
        options_max=24,
        backing="totals",
        settles=by_majority,
    )


@RULES.register("instant_runoff", 1, BatchParameters)
def _instant_runoff(parameters: BatchParameters) -> Rule:
    batch = parameters.batch
    return Rule(
        lambda profile, ties: eliminating.instant_runoff(profile, ties, batch=batch),
        lambda profile, ties, count: rounds.check_instant_runoff(profile, ties, count, batch=batch),
        form="strict",
        backing="totals",
        settles=by_majority,
    )


@RULES.register("copeland", 1, NoParameters)
def _copeland(parameters: NoParameters) -> Rule:  # noqa: ARG001 - it has none
    return Rule(pairwise.copeland, pairs.check_copeland, settles=by_majority)


@RULES.register("minimax", 1, StrengthParameters)
def _minimax(parameters: StrengthParameters) -> Rule:
    strength = parameters.strength
    return Rule(
        lambda profile, ties: pairwise.minimax(profile, ties, strength),
        lambda profile, ties, count: pairs.check_minimax(profile, ties, count, strength),
        settles=by_majority,
    )


@RULES.register("schulze", 1, StrengthParameters)
def _schulze(parameters: StrengthParameters) -> Rule:
    strength = parameters.strength
    return Rule(
        lambda profile, ties: pairwise.schulze(profile, ties, strength),
        lambda profile, ties, count: pairs.check_schulze(profile, ties, count, strength),
        settles=by_majority,
    )


@RULES.register("ranked_pairs", 1, StrengthParameters)
def _ranked_pairs(parameters: StrengthParameters) -> Rule:
    strength = parameters.strength
    return Rule(
        lambda profile, ties: pairwise.ranked_pairs(profile, ties, strength),
        lambda profile, ties, count: pairs.check_ranked_pairs(profile, ties, count, strength),
        options_max=32,
        settles=by_majority,
    )


@RULES.register("kemeny", 1, NoParameters)
def _kemeny(parameters: NoParameters) -> Rule:  # noqa: ARG001 - it has none
    return Rule(pairwise.kemeny, pairs.check_kemeny, options_max=10, settles=by_majority)


@RULES.register("debian", 1, DebianParameters)
def _debian(parameters: DebianParameters) -> Rule:
    quorum = _number("quorum", parameters.quorum)
    if quorum < 0:
        raise _refusal("quorum", parameters.quorum, "0 or more")
    ratio, ratios = _numbers(
        "ratio", parameters.ratio, parameters.ratios, lambda one: one >= 1, "1 or more"
    )

    def needed(option: str) -> Fraction:
        return ratios.get(option, ratio)

    return Rule(
        lambda profile, ties: debian(profile, ties, quorum, needed),
        lambda profile, ties, count: pairs.check_debian(profile, ties, count, quorum, needed),
        options=tuple(parameters.ratios),
        needs_default=True,
    )


@RULES.register("confidence", 1, ConfidenceParameters)
def _confidence(parameters: ConfidenceParameters) -> Rule:
    cap = _number("cap", parameters.cap)
    least = _number("threshold", parameters.threshold)
    if not 0 < cap <= 1:
        raise _refusal("cap", parameters.cap, "above 0, at most 1")
    if not 0 <= least < 1:
        raise _refusal("threshold", parameters.threshold, "from 0 to below 1")
    return Rule(
        lambda profile, ties: scoring.confidence(profile, ties, cap, least),
        lambda profile, ties, count: totals.check_confidence(profile, ties, count, cap, least),
        form="one",
        backing="totals",
    )


@RULES.register("single_transferable_vote", 1, NoParameters)
def _single_transferable_vote(parameters: NoParameters) -> Rule:  # noqa: ARG001 - it has none
    return Rule(
        transferring.single_transferable_vote,
        rounds.check_single_transferable_vote,
        form="strict",
        options_max=24,
        seats_max=8,
    )


@RULES.register("equal_shares", 1, NoParameters)
def _equal_shares(parameters: NoParameters) -> Rule:  # noqa: ARG001 - it has none
    return Rule(sharing.equal_shares, shares.check_equal_shares, seats_max=16)


def _threshold(
    of: str,
    share: Callable[[str], Fraction],
    *,
    exceeded: bool,
    options: tuple[str, ...] = (),
) -> Rule:
    def reaches(option: str, votes: int, whole: int) -> bool:
        least = share(option) * whole
        return votes > least if exceeded else votes >= least

    def reaching(profile: Profile) -> Callable[[str, int], bool]:
        whole = profile.eligible if of == "eligible" else profile.weight
        return lambda option, votes: reaches(option, votes, whole)

    def settles(option: str, votes: int, eligible: int) -> bool:
        return by_majority(option, votes, eligible) and reaches(option, votes, eligible)

    return Rule(
        lambda profile, ties: scoring.threshold(profile, ties, reaching(profile)),
        lambda profile, ties, count: totals.check_threshold(
            profile, ties, count, reaching(profile)
        ),
        form="one",
        options=options,
        of_eligible=of == "eligible",
        backing="totals",
        settles=settles,
    )


def _numbers(
    field: str,
    otherwise: str,
    by_option: Mapping[str, str],
    fits: Callable[[Fraction], bool],
    allowed: str,
) -> tuple[Fraction, dict[str, Fraction]]:
    """Return the number for most options, and those of some, whose field is the plural."""

    def read(name: str, text: str) -> Fraction:
        number = _number(name, text)
        if not fits(number):
            raise _refusal(name, text, allowed)
        return number

    some = {option: read(f"{field}s", text) for option, text in by_option.items()}
    return read(field, otherwise), some


def _number(field: str, text: str) -> Fraction:
    # A short text such as 1e999999 would otherwise become a number of a million digits.
    is_short = len(text) <= 2 * DIGITS_MAX and "e" not in text.lower()
    try:
        number = Fraction(text) if is_short else None
    except (ValueError, ZeroDivisionError):
        number = None
    if number is None or max(abs(number.numerator), number.denominator) > 10**DIGITS_MAX:
        raise _refusal(field, text, f"a number of at most {DIGITS_MAX} digits, such as 2/3 or 0.6")
    return number


def _refusal(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        "vote.parameters",
        "the rule cannot be applied so",
        field=field,
        value=value,
        allowed=allowed,
    )
