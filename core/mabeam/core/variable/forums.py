"""The protocols that conflicts may be referred to.

To add one, register a `Forum` here: what it asks, and how its result is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from mabeam.core.auction import AUCTION
from mabeam.core.consensus import CONSENSUS
from mabeam.core.errors import Rejected
from mabeam.core.hierarchy import HIERARCHY
from mabeam.core.negotiation import NEGOTIATION
from mabeam.core.numbers import exact
from mabeam.core.variable.events import Candidate
from mabeam.core.variable.referral import Forum, register_forum, won_by_agent
from mabeam.core.variable.strategies import Resolution, in_order, unsuitable
from mabeam.core.variable.types import FloatType, IntegerType, VariableType, nearest
from mabeam.core.voting import VOTE

__all__ = ["labels", "listed_candidates"]

SHOWN_MAX: Final = 60
"""How many characters of a value a question shows."""

UNDECIDED: Final = "none, for nobody has decided"
"""What a hierarchy comes to if nobody decides. With its comma it is no value's label."""


def listed_candidates(candidates: Sequence[Candidate]) -> str:
    """Return the candidates as a numbered list, for a question that people read."""
    return "; ".join(f"{n}: {c.by or 'now'} {_shown(c)}" for n, c in enumerate(candidates, 1))


def _shown(candidate: Candidate) -> str:
    text = msgspec.json.encode(candidate.value).decode()
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"


def _lot(
    variable: str,
    type_: VariableType,  # noqa: ARG001 - every forum is asked alike
    candidates: Sequence[Candidate],  # noqa: ARG001 - every forum is asked alike
    agents: Sequence[str],  # noqa: ARG001 - every forum is asked alike
) -> dict[str, Any]:
    return {"lot": f"the value of {variable}"}


def _highest_bidder(
    conflict: str,  # noqa: ARG001 - the auction has broken the ties
    type_: VariableType,
    candidates: Sequence[Candidate],
    result: Decimal | str,
) -> Resolution:
    return won_by_agent(type_, candidates, str(result), f"{result} has won the auction")


def _question(
    variable: str, type_: VariableType, candidates: Sequence[Candidate], agents: Sequence[str]
) -> dict[str, Any]:
    listed = listed_candidates(candidates)
    if isinstance(type_, FloatType | IntegerType):
        # Whole words of the type, because the outcome of a consensus is one of its grid.
        step = {} if type_.step is None else {"step": str(type_.step)}
        question = f"the value of {variable} ({listed})"
        return {"low": str(type_.low), "high": str(type_.high), "question": question, **step}
    if len(agents) != 1:
        # The mean of the numbers of two candidates is the number of a third.
        raise unsuitable("consensus", type_)
    question = f"the number of the value of {variable} ({listed})"
    return {"low": "1", "high": str(len(candidates)), "step": "1", "question": question}


def _number(
    conflict: str,  # noqa: ARG001 - nothing is tied
    type_: VariableType,
    candidates: Sequence[Candidate],
    result: Decimal | str,
) -> Resolution:
    if not isinstance(result, Decimal):
        raise Rejected("conflict.no_number", "no number", field="result", value=result)
    if isinstance(type_, FloatType | IntegerType):
        return Resolution(nearest(type_, exact(result)), "", f"agreed on {result}")
    number = int(result)
    if not 1 <= number <= len(candidates):
        allowed = f"1 to {len(candidates)}"
        raise Rejected(
            "conflict.no_candidate", "no such number", field="result", value=result, allowed=allowed
        )
    chosen = candidates[number - 1]
    others = [c for c in candidates if c is not chosen]
    return in_order(type_, [chosen, *others], f"number {number} was chosen")


def labels(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Return a name for each candidate that voters and negotiators choose by: its value.

    Where that is long, has a character that rankings are written with, or is another's value
    too, its number stands for it.
    """
    texts = [c.value if isinstance(c.value, str) else _shown(c) for c in candidates]
    return tuple(
        text if _is_label(text) and texts.count(text) == 1 else f"number {n}"
        for n, text in enumerate(texts, 1)
    )


def _is_label(text: str) -> bool:
    is_short = 0 < len(text.encode()) <= SHOWN_MAX
    return is_short and text.isprintable() and text == text.strip() and not set(text) & set(">=,")


def _options(
    variable: str,
    type_: VariableType,  # noqa: ARG001 - every forum is asked alike
    candidates: Sequence[Candidate],
    agents: Sequence[str],  # noqa: ARG001 - every forum is asked alike
) -> dict[str, Any]:
    question = f"the value of {variable} ({listed_candidates(candidates)})"
    return {"options": labels(candidates), "question": question}


def _issue(
    variable: str,
    type_: VariableType,  # noqa: ARG001 - every forum is asked alike
    candidates: Sequence[Candidate],
    agents: Sequence[str],  # noqa: ARG001 - every forum is asked alike
) -> dict[str, Any]:
    issue = {"type": "options", "name": variable, "options": labels(candidates)}
    return {"issues": [issue], "subject": f"the value of {variable}"}


def _put_to_delegates(
    variable: str,
    type_: VariableType,
    candidates: Sequence[Candidate],
    agents: Sequence[str],
) -> dict[str, Any]:
    asked = _options(variable, type_, candidates, agents)
    # The nodes have members, and the policy says which nodes there are.
    return {
        "participants": (),
        "protocol": VOTE.name,
        "question": {**asked, "options": list(asked["options"])},
        "default": UNDECIDED,
    }


def _labelled(
    conflict: str,  # noqa: ARG001 - the session has broken the ties
    type_: VariableType,
    candidates: Sequence[Candidate],
    result: Decimal | str,
) -> Resolution:
    names = labels(candidates)
    if result not in names:
        raise Rejected(
            "conflict.no_candidate",
            "no such value",
            field="result",
            value=result,
            allowed=", ".join(names),
        )
    chosen = candidates[names.index(str(result))]
    others = [c for c in candidates if c is not chosen]
    return in_order(type_, [chosen, *others], f"{result} was chosen")


register_forum(Forum(AUCTION.name, _lot, _highest_bidder))
register_forum(Forum(CONSENSUS.name, _question, _number))
register_forum(Forum(HIERARCHY.name, _put_to_delegates, _labelled))
register_forum(Forum(NEGOTIATION.name, _issue, _labelled))
register_forum(Forum(VOTE.name, _options, _labelled))
