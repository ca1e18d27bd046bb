"""Conflicts that are left to a session: who is asked what, and what the answer means.

A *forum* is a protocol that conflicts may be referred to. It says what is asked of the agents
whose values compete, and how the session's result becomes a value. Registering one makes a
strategy of the same name, whose parameters are ``fields`` of the opening, which prevail over
those of the forum, and a ``fallback`` for a session that comes to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from mabeam.core.asking import opening_of
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session.events import Opening
from mabeam.core.session.protocol import check_opening
from mabeam.core.subjects import Boundary
from mabeam.core.variable.events import Candidate
from mabeam.core.variable.strategies import (
    STRATEGIES,
    UNSUITABLE,
    Referral,
    Resolution,
    check_strategy,
    in_order,
    latest,
)
from mabeam.core.variable.types import VariableType, sample_wish

__all__ = [
    "FALLBACKS_MAX",
    "Forum",
    "check_policy",
    "forum_of",
    "known_forums",
    "opening_for",
    "register_forum",
    "settled_by",
    "won_by_agent",
]

FALLBACKS_MAX: Final = 8
"""How many fallbacks may stand behind each other."""

Asks: TypeAlias = Callable[[str, VariableType, Sequence[Candidate], Sequence[str]], dict[str, Any]]
Reads: TypeAlias = Callable[[str, VariableType, Sequence[Candidate], Decimal | str], Resolution]


@dataclass(frozen=True, slots=True)
class Forum:
    """A protocol that conflicts may be referred to.

    Attributes:
        protocol: Name of the protocol, and of the strategy.
        asks: From the variable's name, its type, the latest value of each proposer, and the
            names of who may speak, to the fields of the opening; raises `Rejected` where the
            protocol cannot be asked that.
        reads: From the conflict's id, the variable's type, the latest value of each proposer,
            and the session's result, to the resolution; raises `Rejected` for a result that
            means nothing.
    """

    protocol: str
    asks: Asks
    reads: Reads


_FORUMS: Final[dict[str, Forum]] = {}


class ForumParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to, and what else if that fails.

    Attributes:
        fields: Fields of the opening.
        fallback: How the conflict is resolved if the session ends without a result.
    """

    fields: dict[str, Any] = {}
    fallback: Policy = Policy("priority")


class EscalationParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask.

    Attributes:
        supervisor: The agent that decides.
        protocol: The protocol by which it is asked.
        fields: Fields of the opening.
        fallback: How the conflict is resolved if the supervisor does not answer.
    """

    supervisor: str
    protocol: str = "consensus"
    fields: dict[str, Any] = {}
    fallback: Policy = Policy("priority")


def register_forum(forum: Forum) -> None:
    """Let conflicts be referred to a protocol, by the strategy of its name.

    Raises:
        ValueError: There is a strategy of that name.
    """

    @STRATEGIES.register(forum.protocol, 1, ForumParameters)
    def _refer(parameters: ForumParameters, *_: object) -> Referral:
        return Referral(forum.protocol, parameters.fields, (), parameters.fallback)

    _FORUMS[forum.protocol] = forum


@STRATEGIES.register("escalation", 1, EscalationParameters)
def by_escalation(parameters: EscalationParameters, *_: object) -> Referral:
    """Ask a supervisor alone, by some protocol."""
    agents = (parameters.supervisor,)
    return Referral(parameters.protocol, parameters.fields, agents, parameters.fallback)


def known_forums() -> tuple[str, ...]:
    """Return the names of all forums, sorted."""
    return tuple(sorted(_FORUMS))


def forum_of(referral: Referral) -> Forum:
    """Return the forum that a conflict is referred to.

    Raises:
        Rejected: There is no such forum.
    """
    try:
        return _FORUMS[referral.protocol]
    except KeyError:
        raise Rejected(
            UNSUITABLE,
            "conflicts cannot be referred to this protocol",
            field="on_conflict.protocol",
            value=referral.protocol,
            allowed=", ".join(known_forums()),
        ) from None


def opening_for(
    referral: Referral, variable: str, type_: VariableType, candidates: Sequence[Candidate]
) -> Opening:
    """Return the opening of the session that a conflict is referred to.

    Raises:
        Rejected: The forum cannot be asked that, or a field does not fit.
    """
    words = latest(candidates)
    agents = referral.agents or tuple(sorted({c.by for c in words if c.by}))
    asked = forum_of(referral).asks(variable, type_, words, agents)
    fields: Mapping[str, Any] = {"participants": agents, **asked, **referral.fields}
    # What the session comes to is applied as the end of the conflict, and by nothing else.
    parent = str(Boundary("variable", variable))
    return opening_of(referral.protocol, {**fields, "variable": "", "parent": parent})


def settled_by(
    referral: Referral,
    conflict: str,
    type_: VariableType,
    candidates: Sequence[Candidate],
    result: Decimal | str,
) -> Resolution:
    """Return what the result of a session makes of a conflict.

    Raises:
        Rejected: The result means nothing.
    """
    return forum_of(referral).reads(conflict, type_, latest(candidates), result)


def won_by_agent(
    type_: VariableType, candidates: Sequence[Candidate], agent: str, reason: str
) -> Resolution:
    """Take the value of an agent; where the value is shared, serve its claim first.

    Raises:
        Rejected: No value of that agent competes.
    """
    first = [c for c in candidates if c.by == agent]
    if not first:
        raise Rejected(
            "conflict.no_candidate",
            "no value of this agent competes",
            field="result",
            value=agent,
            allowed=", ".join(c.by for c in candidates),
        )
    return in_order(type_, [*first, *(c for c in candidates if c.by != agent)], reason)


def check_policy(policy: Policy, type_: VariableType) -> None:
    """Refuse a way to resolve conflicts that could never come to a value of a type.

    Where it leads to a session, a sample of the session must be one that can be held.

    Raises:
        Rejected: The policy or a fallback of it is unknown, does not fit or is unsuitable, or
            fallbacks are nested too deeply.
    """
    wish = sample_wish(type_)
    sample = tuple(Candidate(f"p{n}", f"agent-{n}", wish, n, 1) for n in (2, 3))
    for _ in range(FALLBACKS_MAX + 1):
        referral = check_strategy(policy, type_)
        if referral is None:
            return
        check_opening(opening_for(referral, "sample", type_, sample))
        policy = referral.fallback
    raise Rejected(
        "conflict.fallbacks",
        "fallbacks stand behind each other too deeply",
        field="on_conflict.parameters.fallback",
        value=policy.name,
        allowed=f"at most {FALLBACKS_MAX}",
    )
