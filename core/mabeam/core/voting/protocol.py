"""Votes on options as sessions: which ballots count, what they come to, how it is checked.

The rule counts; what is here gives it the ballots, and makes a decision of its count. All
rules share one ballot, so a vote can be counted again under another rule. What the ballots
say is then the same; what the voters would have said under it is not known.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

from mabeam.core.errors import Rejected
from mabeam.core.numbers import in_digits
from mabeam.core.session.events import Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Spoken, Standing, terms
from mabeam.core.voting.ballots import Ballot, Profile, TieKey, text_of, tie_key
from mabeam.core.voting.checking.proof import disproved, expect
from mabeam.core.voting.count import Count
from mabeam.core.voting.events import Shortfall, VoteCast, VoteDecided, VoteOpened
from mabeam.core.voting.explaining import standings_of, support_of
from mabeam.core.voting.rules import RULES, Rule
from mabeam.core.voting.tally import empty_tally

__all__ = ["VOTE", "profile_of"]

OPTIONS_MIN: Final = 2
BYTES_MAX: Final = 100
"""How long the name of an option may be: a decision repeats it in every round."""

PLACES_MAX: Final = 9
RESERVED: Final = frozenset(">=")


def check_opening(opening: VoteOpened) -> None:
    """Refuse a vote that cannot be held.

    Raises:
        Rejected: The rule is unknown or does not fit, or options, seats and default do not.
    """
    rule = RULES.find(opening.rule)()
    options = opening.options
    _check_options(opening, rule)
    if not 1 <= opening.seats <= min(rule.seats_max, len(options)):
        allowed = f"1 to {min(rule.seats_max, len(options))} for {opening.rule.name}"
        raise _refusal("seats", opening.seats, allowed)
    if rule.needs_default and not opening.default:
        raise _refusal("default", "", f"an option; {opening.rule.name} needs one")
    if opening.tie_break == "earliest":
        raise _refusal("tie_break", opening.tie_break, "canonical, refuse: no option is earlier")
    if opening.early:
        _check_early(opening, rule)
    if rule.of_eligible and not opening.participants:
        raise _refusal("participants", (), f"who is eligible; {opening.rule.name} counts them")


def _check_early(opening: VoteOpened, rule: Rule) -> None:
    # Who may change a ballot, or comes unexpected, can change what seems settled.
    if rule.settles is None or opening.seats > 1:
        allowed = f"false: {opening.rule.name} may turn with the last ballot"
    elif opening.revising != "first" or not opening.participants:
        allowed = "false; true with participants, and first for revising"
    else:
        return
    raise _refusal("early", opening.early, allowed)


def _check_options(opening: VoteOpened, rule: Rule) -> None:
    options = opening.options
    if not OPTIONS_MIN <= len(options) <= rule.options_max:
        allowed = f"{OPTIONS_MIN} to {rule.options_max} for {opening.rule.name}"
        raise _refusal("options", len(options), allowed)
    for option in options:
        if not _is_name(option):
            allowed = f"printable, at most {BYTES_MAX} bytes, without > and ="
            raise _refusal("options", option, allowed)
    if len(set(options)) != len(options):
        raise _refusal("options", options, "each once")
    named = ((opening.default,) if opening.default else (), opening.tie_order, rule.options)
    for field, some in zip(("default", "tie_order", "rule"), named, strict=True):
        if not set(some) <= set(options) or len(set(some)) != len(some):
            raise _refusal(field, some, "options, each once")


def _is_name(option: str) -> bool:
    return (
        option.isprintable()
        and option == option.strip()
        and 1 <= len(option.encode()) <= BYTES_MAX
        and not RESERVED.intersection(option)
    )


def check_speech(opening: VoteOpened, speech: Speech) -> None:
    """Refuse a ballot that cannot be counted.

    Raises:
        Rejected: It names no option, or one twice, or ties options where the rule cannot take
            that, or its confidence is no share.
    """
    if not isinstance(speech, VoteCast):
        return
    named = [option for group in speech.ranking for option in group]
    if len(named) > len(opening.options) or len(set(named)) != len(named):
        raise _invalid("ranking", speech.ranking, "each option once")
    if not set(named) <= set(opening.options):
        raise _invalid("ranking", speech.ranking, ", ".join(opening.options))
    sizes = [len(group) for group in speech.ranking]
    if 0 in sizes:
        raise _invalid("ranking", speech.ranking, "no empty group")
    if _is_tied(RULES.find(opening.rule)().form, sizes):
        raise _invalid("ranking", text_of(speech.ranking), f"no ties: {opening.rule.name}")
    share = speech.confidence
    places = share.as_tuple().exponent if share.is_finite() else 1
    if not -PLACES_MAX <= cast("int", places) <= 0 or not 0 <= share <= 1:
        allowed = f"0 to 1, with at most {PLACES_MAX} decimal places"
        raise _invalid("confidence", share, allowed)


def _is_tied(form: str, sizes: list[int]) -> bool:
    looked_at = {"one": sizes[:1], "strict": sizes, "any": []}[form]
    return any(size > 1 for size in looked_at)


def say(speech: Speech) -> str:
    """Write a ballot as text, the same for the same ballot."""
    if not isinstance(speech, VoteCast):
        return ""
    # No option can be called so, with that sign in its name.
    sure = "" if speech.confidence == 1 else f" (confidence={in_digits(speech.confidence)})"
    return text_of(speech.ranking) + sure


def profile_of(hearing: Hearing[VoteOpened]) -> Profile:
    """Return the ballots of a session, in the order of the voters' names, without blank ones."""
    opening = hearing.opening
    ballots = tuple(
        Ballot(
            _in_order(ballot.ranking),
            hearing.weight(spoken.agent),
            Fraction(str(ballot.confidence)),
        )
        for spoken in hearing.by_agent()
        for ballot in [cast("VoteCast", spoken.speech)]
        if ballot.ranking
    )
    cast_weight = sum(ballot.weight for ballot in ballots)
    eligible = sum(hearing.weights.values()) or cast_weight
    return Profile(opening.options, ballots, opening.seats, opening.default, eligible)


def _in_order(ranking: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    # Written in another order, a group says the same.
    return tuple(tuple(sorted(group)) for group in ranking)


def decide(hearing: Hearing[VoteOpened]) -> VoteDecided:
    """Decide a closed vote by the rule that its opening names."""
    opening, profile = hearing.opening, profile_of(hearing)
    rule = RULES.find(opening.rule)()
    count: Count | None = None
    shortfall: Shortfall = "" if hearing.has_quorum() else "quorum"
    if not shortfall and profile.ballots:
        count = rule.count(profile, _ties(hearing))
    if not shortfall and (count is None or not count.winners):
        shortfall = "majority"
    outcome, winners = _outcome(opening, rule, count)
    refused = outcome == "tie_unresolved"
    return VoteDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=hearing.invalid(),
        superseded=hearing.superseded,
        winner=winners[0] if winners else "",
        winners=winners,
        shortfall=shortfall,
        standings=standings_of(
            opening.options, count, winners, refused=refused, shortfall=shortfall
        ),
        support="" if refused else support_of(count, rule.backing, profile.weight),
        count=count,
    )


def _outcome(
    opening: VoteOpened, rule: Rule, count: Count | None
) -> tuple[Outcome, tuple[str, ...]]:
    if count is None or not count.winners:
        return ("default_taken", (opening.default,)) if opening.default else ("no_quorum", ())
    if count.tied and opening.tie_break == "refuse":
        return "tie_unresolved", ()
    is_default = rule.needs_default and count.winners == (opening.default,)
    return ("default_taken" if is_default else "decided"), count.winners


def verify(hearing: Hearing[VoteOpened], decision: Decision) -> None:
    """Check a decision by its certificate, without counting under the rule.

    Raises:
        Rejected: The count does not prove its winners, or the decision is not what follows
            from it, or is about other positions or another rule.
    """
    if not isinstance(decision, VoteDecided):
        raise disproved("outcome", type(decision).__name__, "a decision of a vote")
    for field, stated, due in terms(hearing, decision):
        expect(field, stated, due)
    expect("alternatives", decision.alternatives, hearing.invalid())
    opening, profile, count = hearing.opening, profile_of(hearing), decision.count
    rule = RULES.find(opening.rule)()
    heard = sum(hearing.weight(agent) for agent in hearing.spoken)
    has_quorum = bool(hearing.spoken) and heard >= opening.quorum
    expect("count", count is not None, has_quorum and bool(profile.ballots))
    outcome: Outcome = "decided"
    winners: tuple[str, ...] = ()
    if count is not None:
        rule.check(profile, _ties(hearing), count)
        winners = count.winners
    shortfall = "" if winners else ("majority" if has_quorum else "quorum")
    if not winners:
        winners = (opening.default,) if opening.default else ()
        outcome = "default_taken" if winners else "no_quorum"
    elif opening.tie_break == "refuse" and count is not None and count.tied:
        outcome, winners = "tie_unresolved", ()
    elif rule.needs_default and winners[0] == opening.default:
        outcome = "default_taken"
    refused = outcome == "tie_unresolved"
    expect("outcome", decision.outcome, outcome)
    expect("winners", decision.winners, winners)
    expect("winner", decision.winner, next(iter(winners), ""))
    expect("shortfall", decision.shortfall, shortfall)
    explained = standings_of(opening.options, count, winners, refused=refused, shortfall=shortfall)
    expect("standings", decision.standings, explained)
    backing = "" if refused else support_of(count, rule.backing, profile.weight)
    expect("support", decision.support, backing)


def result(decision: Decision) -> Decimal | str | None:
    """Return the chosen option, which becomes the value of the variable at stake.

    Several chosen ones are no value of a variable, and change none.
    """
    if isinstance(decision, VoteDecided) and len(decision.winners) == 1:
        return decision.winner
    return None


def support(decision: Decision) -> Fraction | None:
    """Return the share of the counted weight behind the winner, where the rule knows one."""
    if isinstance(decision, VoteDecided) and decision.support:
        return Fraction(decision.support)
    return None


def settled(hearing: Hearing[VoteOpened], word: Spoken) -> bool:
    """Tell whether the option that a new ballot names first wins by now."""
    if not hearing.opening.early:
        return False
    settles = RULES.find(hearing.opening.rule)().settles
    first = _first(word)
    if settles is None or not first or not hearing.has_quorum():
        return False
    backers = (agent for agent, said in hearing.spoken.items() if _first(said) == first)
    votes = sum(map(hearing.weight, backers))
    return settles(first, votes, sum(hearing.weights.values()))


def _first(word: Spoken) -> str:
    ranking = cast("VoteCast", word.speech).ranking
    return ranking[0][0] if ranking and len(ranking[0]) == 1 else ""


def standing(hearing: Hearing[VoteOpened]) -> Standing:
    """Return the tally: first places, majorities over others, and who leads under the rule."""
    opening, profile = hearing.opening, profile_of(hearing)
    heard = sum(map(hearing.weight, hearing.spoken))
    blank = len(hearing.spoken) - len(profile.ballots)
    remarks = [f"weight heard: {heard}, quorum: {max(opening.quorum, 1)}"]
    remarks += [f"blank ballots: {blank}"] if blank else []
    if opening.visibility == "sealed" and not hearing.considered.closed:
        return Standing(("option",), tuple((o,) for o in opening.options), tuple(remarks))
    tally = empty_tally(opening.options)
    for ballot in profile.ballots:
        tally = tally.added(ballot.ranking, ballot.weight)
    matrix, firsts = tally.matrix(), tally.first_groups()
    rows = tuple(
        (
            option,
            str(firsts[a]),
            str(sum(votes > matrix[b][a] for b, votes in enumerate(matrix[a]))),
            str(sum(votes < matrix[b][a] for b, votes in enumerate(matrix[a]))),
        )
        for a, option in enumerate(opening.options)
    )
    if profile.ballots:
        remarks.append(_leading(opening, profile, _ties(hearing)))
    return Standing(("option", "first", "beats", "beaten by"), rows, tuple(remarks))


def _leading(opening: VoteOpened, profile: Profile, ties: TieKey) -> str:
    count = RULES.find(opening.rule)().count(profile, ties)
    if not count.winners:
        return f"under {opening.rule.name} nobody has enough"
    if count.tied:
        verb = "is left" if opening.tie_break == "refuse" else "decides"
        return f"under {opening.rule.name} a tie {verb} among {', '.join(count.tied)}"
    return f"under {opening.rule.name}: {', '.join(count.winners)}"


def _ties(hearing: Hearing[VoteOpened]) -> TieKey:
    return tie_key(hearing.session, hearing.considered.closed, hearing.opening.tie_order)


def _refusal(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        f"vote.{field}", "the vote cannot be held so", field=field, value=value, allowed=allowed
    )


def _invalid(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(f"vote.{field}", "no such ballot", field=field, value=value, allowed=allowed)


VOTE: Final = Protocol(
    name="vote",
    opening=VoteOpened,
    speech=VoteCast,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    standing=standing,
    support=support,
    settled=settled,
)
VOTE.register()
