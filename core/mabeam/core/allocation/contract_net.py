"""The contract net as sessions: call for proposals, awards, reports.

The initiator calls for proposals; contractors propose, refuse or say that they do not
understand; protocol code accepts the best proposals by the declared rule and rejects the
others; who was accepted reports that the task is done or has failed, or the initiator takes
the contract back, or its time runs out. Every accepted proposal ends in exactly one of these
four ways. What comes too late is kept, and marked.

FIPA Contract Net Interaction Protocol, SC00029H, 2002. Reid Smith, The Contract Net Protocol,
IEEE Transactions on Computers C-29 (1980).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeAlias, cast

import msgspec
from immutables import Map

from mabeam.core.allocation.awards import Proposal, ranked, unjust
from mabeam.core.allocation.events import (
    Award,
    ContractCancelled,
    ContractEnd,
    ContractNetDecided,
    ContractNetOpened,
    ContractsAwarded,
    ContractWord,
    Ending,
    TaskDone,
    TaskFailed,
    TaskNotUnderstood,
    TaskProposed,
    TaskRefused,
)
from mabeam.core.allocation.rules import (
    AWARD_RULES,
    COST_MAX,
    TEXT_LENGTH_MAX,
    check_capabilities,
)
from mabeam.core.checking import check_facts, check_text, check_within, disproved
from mabeam.core.ids import order_key
from mabeam.core.session.course import Course, Due, Said, Start
from mabeam.core.session.events import Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["CONTRACTORS_MAX", "CONTRACT_NET", "Contracting", "Reply"]

CONTRACTORS_MAX: Final = 500
DETAIL_LENGTH_MAX: Final = 100
MS_MAX: Final = 366 * 24 * 3600 * 1000
_MS: Final = 1_000_000
_CODE: Final = "contract_net.certificate"

Answering: TypeAlias = TaskProposed | TaskRefused | TaskNotUnderstood


class Reply(msgspec.Struct, frozen=True):
    """The latest answer of a contractor to the call.

    Attributes:
        word: What it said.
        position: Where that stands.
    """

    word: Answering
    position: int


class Contracting(msgspec.Struct, frozen=True):
    """How a contract net stands.

    Attributes:
        session: Name of the session.
        opened_at: Position of its opening.
        initiator: Who opened it.
        contractors: Who was named, the initiator left out; empty for everybody.
        since_ns: When the call went out, or the awards did, on the log's clock.
        cause: Id of the latest event that changed anything.
        cause_position: Where a participant said that; 0 where none did.
        replies: The latest answer of each contractor to the call.
        awarded: Whether proposals were accepted and rejected.
        awards: What became of each proposal.
        ends: How contracts ended, by contractor.
    """

    session: str
    opened_at: int
    initiator: str
    contractors: tuple[str, ...]
    since_ns: int
    cause: str
    cause_position: int = 0
    replies: Map[str, Reply] = Map()
    awarded: bool = False
    awards: tuple[Award, ...] = ()
    ends: Map[str, ContractEnd] = Map()

    @property
    def accepted(self) -> tuple[str, ...]:
        """Whose proposals were accepted."""
        return tuple(award.agent for award in self.awards if award.accepted)

    @property
    def under_way(self) -> tuple[str, ...]:
        """Whose contracts have not ended."""
        return tuple(agent for agent in self.accepted if agent not in self.ends)


def check_opening(opening: ContractNetOpened) -> None:
    """Refuse a call that nobody could answer.

    Raises:
        Rejected: The rule is unknown, or a number, a text or the list of contractors is out
            of range.
    """
    AWARD_RULES.find(opening.rule)
    check_text("contract_net.text", "task", opening.task, TEXT_LENGTH_MAX, least=1)
    check_capabilities("requires", opening.requires)
    contractors = len(opening.participants)
    check_within("contract_net.contractors", "participants", contractors, 0, CONTRACTORS_MAX)
    check_within("contract_net.awards", "awards", opening.awards, 1, CONTRACTORS_MAX)
    check_within("contract_net.quorum", "quorum", opening.quorum, 0, 0)
    for field in ("reply_by_ms", "done_by_ms"):
        check_within("contract_net.duration", field, getattr(opening, field), 1, MS_MAX)
    if opening.cost_max is not None:
        check_within("contract_net.cost", "cost_max", opening.cost_max, 0, COST_MAX)


def check_speech(opening: ContractNetOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse a word that could never count.

    Raises:
        Rejected: A number or a text is out of range.
    """
    match speech:
        case TaskProposed():
            check_within("contract_net.cost", "cost", speech.cost, 0, COST_MAX)
            check_within("contract_net.score", "score", speech.score, -COST_MAX, COST_MAX)
            check_capabilities("capabilities", speech.capabilities)
            check_text("contract_net.text", "note", speech.note, TEXT_LENGTH_MAX)
        case TaskDone(result=text):
            check_text("contract_net.text", "result", text, TEXT_LENGTH_MAX)
        case _:
            text = str(getattr(speech, "reason", ""))
            check_text("contract_net.text", "reason", text, TEXT_LENGTH_MAX)


def say(speech: Speech) -> str:
    """Write a word as text."""
    match speech:
        case TaskProposed(cost=cost, score=score):
            return f"proposes cost {cost}, score {score}"
        case TaskDone(result=result):
            return f"done {_cut(result)}".rstrip()
        case ContractCancelled(contractor=contractor):
            return f"cancels {_cut(contractor)}".rstrip()
        case _:
            word = type(speech).__name__.removeprefix("Task").lower()
            return f"{word} {_cut(str(getattr(speech, 'reason', '')))}".rstrip()


def _cut(text: str) -> str:
    return text if len(text) <= DETAIL_LENGTH_MAX else f"{text[: DETAIL_LENGTH_MAX - 1]}…"


def initial(opening: ContractNetOpened, start: Start) -> Contracting:
    """Call for proposals."""
    named = (participant.agent for participant in opening.participants)
    contractors = tuple(agent for agent in named if agent != start.by)
    return Contracting(
        start.session, start.position, start.by, contractors, start.recorded_ns, start.event_id
    )


def object_to(opening: ContractNetOpened, net: Contracting, said: Said) -> str:
    """Refuse what FIPA's interaction protocol does not foresee there and then."""
    if isinstance(said.event, ContractCancelled):
        return _no_cancelling(net, said.agent, said.event)
    if said.agent == net.initiator:
        return "initiator"
    if isinstance(said.event, TaskDone | TaskFailed):
        return _no_report(opening, net, said)
    if net.awarded or said.recorded_ns > net.since_ns + opening.reply_by_ms * _MS:
        return "late"
    is_full = said.agent not in net.replies and len(net.replies) >= CONTRACTORS_MAX
    return "too_many_contractors" if is_full else ""


def _no_cancelling(net: Contracting, agent: str, word: ContractCancelled) -> str:
    if agent != net.initiator:
        return "not_the_initiator"
    if word.contractor not in net.under_way if word.contractor else not net.under_way:
        return "no_contract"
    return ""


def _no_report(opening: ContractNetOpened, net: Contracting, said: Said) -> str:
    if said.agent in net.ends:
        return "ended_already"
    if said.agent not in net.accepted:
        return "no_contract"
    is_late = said.recorded_ns > net.since_ns + opening.done_by_ms * _MS
    return "late" if is_late else ""


def evolve(opening: ContractNetOpened, net: Contracting, said: Said) -> Contracting:
    """Apply an answer, the awards, a report or a cancelling."""
    match said.event:
        case TaskProposed() | TaskRefused() | TaskNotUnderstood() as word:
            replies = net.replies.set(said.agent, Reply(word, said.position))
            return _caused(net, said, replies=replies)
        case TaskDone(result=result):
            return _ended(net, said, (said.agent,), "done", result)
        case TaskFailed(reason=reason):
            return _ended(net, said, (said.agent,), "failed", reason)
        case ContractCancelled(contractor=contractor, reason=reason):
            which = (contractor,) if contractor else net.under_way
            return _ended(net, said, which, "cancelled", reason)
        case ContractsAwarded(awards=awards) if not net.awarded:
            # A proposal that slips in before the awards may make them untrue; then they are of
            # no effect, and the true ones follow.
            if awards != _awards(opening, net):
                return net
            awarded = _caused(net, said, awarded=True, awards=awards, since_ns=said.recorded_ns)
            return msgspec.structs.replace(awarded, cause_position=0)
        case _:
            return net


def _caused(net: Contracting, said: Said, **changes: object) -> Contracting:
    return msgspec.structs.replace(
        net, cause=said.event_id, cause_position=said.position, **changes
    )


def _ended(
    net: Contracting, said: Said, agents: tuple[str, ...], ended: Ending, detail: str
) -> Contracting:
    costs = {award.agent: award.cost for award in net.awards}
    ends = net.ends.update(
        {
            agent: ContractEnd(agent, ended, costs[agent], said.position, _cut(detail))
            for agent in agents
        }
    )
    return _caused(net, said, ends=ends)


def _awards(opening: ContractNetOpened, net: Contracting) -> tuple[Award, ...]:
    return ranked(
        _proposals(opening, net),
        AWARD_RULES.find(opening.rule),
        opening.awards,
        cost_max=opening.cost_max,
        tie_key=_tie_key(opening, net),
    )


def _proposals(opening: ContractNetOpened, net: Contracting) -> list[Proposal]:
    return [
        Proposal(
            agent,
            reply.word.cost,
            reply.word.score,
            reply.position,
            set(opening.requires) <= set(reply.word.capabilities),
        )
        for agent, reply in sorted(net.replies.items())
        if isinstance(reply.word, TaskProposed)
    ]


def _tie_key(
    opening: ContractNetOpened, net: Contracting
) -> Callable[[Proposal], tuple[int, bytes]] | None:
    def tie_key(proposal: Proposal) -> tuple[int, bytes]:
        earliest = proposal.position if opening.tie_break == "earliest" else 0
        return (earliest, order_key(net.session, net.opened_at, proposal.agent))

    return None if opening.tie_break == "refuse" else tie_key


def due(opening: ContractNetOpened, net: Contracting, now_ns: int) -> Due:
    """Award when all have answered or time is up; close when all contracts have ended."""
    if net.awarded:
        at_ns = net.since_ns + opening.done_by_ms * _MS
        if not net.under_way:
            return Due(close="complete", cause=net.cause, position=net.cause_position)
        if now_ns >= at_ns:
            return Due(close="deadline", cause=net.cause, position=net.cause_position)
        return Due(at_ns=at_ns)
    at_ns = net.since_ns + opening.reply_by_ms * _MS
    has_answered = net.contractors and all(agent in net.replies for agent in net.contractors)
    if not has_answered and now_ns < at_ns:
        return Due(at_ns=at_ns)
    awards = _awards(opening, net)
    if not awards:
        return Due(close="complete", cause=net.cause, position=net.cause_position)
    announced = ContractsAwarded(awards=awards)
    return Due(announce=announced, cause=net.cause, position=net.cause_position)


def decide(hearing: Hearing[ContractNetOpened]) -> ContractNetDecided:
    """Decide a closed contract net: state for each contractor how it ended."""
    net = cast("Contracting", hearing.course)
    agents = sorted({*net.contractors, *net.replies})
    contracts = tuple(_contract(net, agent) for agent in agents)
    done = [contract for contract in contracts if contract.ended == "done"]
    return ContractNetDecided(
        outcome=_outcome(net.awards, is_done=bool(done)),
        rule=hearing.opening.rule,
        considered=hearing.considered,
        alternatives=hearing.invalid(),
        superseded=hearing.superseded,
        task=hearing.opening.task,
        contracts=contracts,
        done_by=tuple(contract.agent for contract in done),
        awards=net.awards,
        cost=sum(contract.cost or 0 for contract in done),
    )


def _outcome(awards: tuple[Award, ...], *, is_done: bool) -> Outcome:
    if is_done:
        return "decided"
    tied = any(award.reason == "tie_unresolved" for award in awards)
    return "tie_unresolved" if tied else "no_quorum"


def _contract(net: Contracting, agent: str) -> ContractEnd:
    award = next((award for award in net.awards if award.agent == agent), None)
    reply = net.replies.get(agent)
    if award is not None and award.accepted:
        timed_out = ContractEnd(agent, "timed_out", award.cost, award.position)
        return net.ends.get(agent, timed_out)
    if award is not None:
        return ContractEnd(agent, "rejected", award.cost, award.position, award.reason)
    if reply is None:
        return ContractEnd(agent, "silent")
    match reply.word:
        case TaskProposed(cost=cost):
            return ContractEnd(agent, "rejected", cost, reply.position, "not_awarded")
        case word:
            ended: Ending = "refused" if isinstance(word, TaskRefused) else "not_understood"
            return ContractEnd(agent, ended, None, reply.position, _cut(word.reason))


def verify(hearing: Hearing[ContractNetOpened], decision: Decision) -> None:
    """Check a decision against what was said.

    Raises:
        Rejected: An award is not what was announced or does not follow from the proposals, a
            contract ended in another way or not at all, somebody is left out, or the outcome
            does not follow.
    """
    if not isinstance(decision, ContractNetDecided):
        raise disproved(_CODE, "outcome", type(decision).__name__, "that of a contract net")
    net = cast("Contracting", hearing.course)
    done = [contract for contract in decision.contracts if contract.ended == "done"]
    check_facts(
        _CODE,
        (
            *terms(hearing, decision),
            ("alternatives", decision.alternatives, hearing.invalid()),
            ("task", decision.task, hearing.opening.task),
            ("awards", decision.awards, net.awards),
            ("done_by", decision.done_by, tuple(contract.agent for contract in done)),
            ("cost", decision.cost, sum(contract.cost or 0 for contract in done)),
            ("outcome", decision.outcome, _outcome(decision.awards, is_done=bool(done))),
            (
                "contracts",
                tuple(contract.agent for contract in decision.contracts),
                tuple(sorted({*net.contractors, *net.replies})),
            ),
        ),
    )
    for contract in decision.contracts:
        _verify_contract(net, contract)
    if net.awarded:
        _verify_awards(hearing.opening, net, decision.awards)


def _verify_awards(opening: ContractNetOpened, net: Contracting, awards: tuple[Award, ...]) -> None:
    due_there = unjust(
        awards,
        _proposals(opening, net),
        AWARD_RULES.find(opening.rule),
        opening.awards,
        cost_max=opening.cost_max,
        tie_key=_tie_key(opening, net),
    )
    if due_there:
        raise disproved(_CODE, "awards", awards, due_there)


_ENDS: Final = frozenset({"done", "failed", "cancelled", "timed_out"})
_KINDS: Final[dict[type[Answering], str]] = {
    TaskProposed: "rejected",
    TaskRefused: "refused",
    TaskNotUnderstood: "not_understood",
}


def _verify_contract(net: Contracting, contract: ContractEnd) -> None:
    agent, reply = contract.agent, net.replies.get(contract.agent)
    is_accepted = agent in net.accepted
    if is_accepted != (contract.ended in _ENDS):
        raise disproved(_CODE, "contracts", contract, "one end for each accepted proposal")
    if (contract.ended == "silent") != (reply is None):
        raise disproved(_CODE, "contracts", contract, "silent is who did not answer")
    if reply is None:
        due_there = ContractEnd(agent, "silent")
    elif is_accepted and agent in net.ends:
        due_there = net.ends[agent]
    else:
        ended = "timed_out" if is_accepted else _KINDS[type(reply.word)]
        detail = next((one.reason for one in net.awards if one.agent == agent), "not_awarded")
        is_proposal = isinstance(reply.word, TaskProposed)
        due_there = ContractEnd(
            agent,
            cast("Ending", ended),
            reply.word.cost if isinstance(reply.word, TaskProposed) else None,
            reply.position,
            detail if is_proposal else _cut(str(getattr(reply.word, "reason", ""))),
        )
    check_facts(_CODE, (("contracts", contract, due_there),))


def result(decision: Decision) -> Decimal | str | None:
    """Return who has done it, which becomes the value of the variable at stake."""
    if not isinstance(decision, ContractNetDecided) or decision.outcome != "decided":
        return None
    return ", ".join(decision.done_by)


def standing(hearing: Hearing[ContractNetOpened]) -> Standing:
    """Show how it stands with each contractor."""
    net = cast("Contracting", hearing.course)
    rows: list[tuple[str, ...]] = []
    for agent in sorted({*net.contractors, *net.replies}):
        contract = _contract(net, agent)
        status, detail = cast("str", contract.ended), contract.detail
        if agent in net.under_way:
            status = "timed_out" if hearing.considered.closed else "under_way"
        elif not net.awarded and contract.ended == "rejected":
            status, detail = "proposed", ""
        cost = "" if contract.cost is None else str(contract.cost)
        rows.append((agent, status, cost, detail))
    return Standing(("contractor", "status", "cost", "detail"), tuple(rows))


CONTRACT_NET: Final = Protocol(
    name="contract_net",
    opening=ContractNetOpened,
    speech=ContractWord,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=Course(initial, object_to, evolve, due),
    standing=standing,
)
CONTRACT_NET.register()
