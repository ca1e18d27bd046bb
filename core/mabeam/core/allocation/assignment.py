"""Assignments as sessions: agents say what they can take on, and a rule shares the tasks out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, cast

import msgspec

from mabeam.core.allocation.events import (
    Assigned,
    AssignmentDecided,
    AssignmentOpened,
    Task,
    Unassigned,
    WorkOffered,
)
from mabeam.core.allocation.rules import (
    COST_MAX,
    NAME_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    check_capabilities,
)
from mabeam.core.allocation.sharing import ASSIGNING, PROVING, Shared, Work
from mabeam.core.checking import check_facts, check_text, check_within, disproved, plain
from mabeam.core.errors import Rejected
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Spoken, Standing, terms

__all__ = ["AGENTS_MAX", "ASSIGNMENT", "TASKS_MAX"]

TASKS_MAX: Final = 100
AGENTS_MAX: Final = 100
_CODE: Final = "assignment.certificate"


def check_opening(opening: AssignmentOpened) -> None:
    """Refuse an assignment that cannot be held.

    Raises:
        Rejected: The rule is unknown or its parameters do not fit, there are no tasks or
            agents or too many, two tasks share a name, or ties are to be refused.
    """
    ASSIGNING.find(opening.rule)
    check_within("assignment.tasks", "tasks", len(opening.tasks), 1, TASKS_MAX)
    check_within("assignment.agents", "participants", len(opening.participants), 1, AGENTS_MAX)
    names = [task.name for task in opening.tasks]
    for task in opening.tasks:
        check_text("assignment.tasks", "name of a task", task.name, NAME_LENGTH_MAX, least=1)
        check_capabilities(f"requires of {task.name}", task.requires)
    if len(set(names)) != len(names):
        raise Rejected(
            "assignment.tasks", "named twice", field="tasks", value=names, allowed="each once"
        )
    if opening.tie_break == "refuse":
        raise Rejected(
            "assignment.tie_break",
            "equals are common here, and one of them is as good as another",
            field="tie_break",
            value=opening.tie_break,
            allowed="canonical, earliest",
        )


def check_speech(opening: AssignmentOpened, speech: Speech) -> None:
    """Refuse an offer that could never count.

    Raises:
        Rejected: It names a task that is none of these, or a number is out of range.
    """
    if not isinstance(speech, WorkOffered):
        return
    names = {task.name for task in opening.tasks}
    for field, amounts in (("costs", speech.costs), ("gains", speech.gains)):
        for task, amount in amounts.items():
            if task not in names:
                allowed = ", ".join(sorted(names))
                raise Rejected(
                    "assignment.task", "no such task", field=field, value=task, allowed=allowed
                )
            check_within("assignment.amount", f"{field} of {task}", amount, 0, COST_MAX)
    check_within("assignment.capacity", "capacity", speech.capacity, 0, TASKS_MAX)
    check_capabilities("capabilities", speech.capabilities)
    check_within("assignment.load", "memory_mb", speech.memory_mb, 0, COST_MAX)
    check_within("assignment.load", "active", speech.active, 0, COST_MAX)
    if plain("assignment.load", "cpu", speech.cpu) < 0:
        raise Rejected(
            "assignment.load", "out of range", field="cpu", value=speech.cpu, allowed="0 or more"
        )
    check_text("assignment.text", "note", speech.note, TEXT_LENGTH_MAX)


def say(speech: Speech) -> str:
    """Write an offer as text, so that no other offer is written alike."""
    if not isinstance(speech, WorkOffered):
        return ""
    load = f"cpu {speech.cpu}, memory {speech.memory_mb}, active {speech.active}"
    listed = (("costs", speech.costs), ("gains", speech.gains), ("can", speech.capabilities))
    lists = (
        f", {field} {msgspec.json.encode(given, order='sorted').decode()}"
        for field, given in listed
        if given
    )
    return f"takes {speech.capacity}, {load}{''.join(lists)}"


def _works(hearing: Hearing[AssignmentOpened]) -> Sequence[Work]:
    """Return what the agents offered, in the order of the declared tie-break."""
    spoken = sorted(hearing.by_agent(), key=hearing.tie_key)
    return [Work(one.agent, cast("WorkOffered", one.speech)) for one in spoken]


def decide(hearing: Hearing[AssignmentOpened]) -> AssignmentDecided:
    """Decide a closed assignment by the rule that its opening names."""
    opening = hearing.opening
    shared = Shared()
    if hearing.has_quorum():
        shared = ASSIGNING.find(opening.rule)(opening.tasks, _works(hearing))
    return AssignmentDecided(
        outcome="decided" if shared.assigned else "no_quorum",
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=(*_idle(hearing, shared.assigned), *hearing.invalid()),
        superseded=hearing.superseded,
        assigned=shared.assigned,
        unassigned=_unassigned(hearing, shared.assigned),
        total=shared.total,
        task_prices=shared.task_prices,
        agent_prices=shared.agent_prices,
    )


def _idle(
    hearing: Hearing[AssignmentOpened], assigned: Sequence[Assigned]
) -> tuple[Alternative, ...]:
    """Return the agents that get nothing to do."""
    busy = {one.agent for one in assigned}
    reason = "not_assigned" if busy else "no_quorum"
    return tuple(
        Alternative(one.agent, _said(one), one.position, reason)
        for one in hearing.by_agent()
        if one.agent not in busy
    )


def _said(spoken: Spoken) -> str:
    said = say(spoken.speech)
    return said if len(said) <= NAME_LENGTH_MAX else f"{said[: NAME_LENGTH_MAX - 1]}…"


def _unassigned(
    hearing: Hearing[AssignmentOpened], assigned: Sequence[Assigned]
) -> tuple[Unassigned, ...]:
    given = {one.task for one in assigned}
    works = _works(hearing)
    return tuple(
        Unassigned(task.name, _why_not(hearing, works, task))
        for task in hearing.opening.tasks
        if task.name not in given
    )


def _why_not(hearing: Hearing[AssignmentOpened], works: Sequence[Work], task: Task) -> str:
    if not hearing.has_quorum():
        return "no_quorum"
    rule = hearing.opening.rule.name
    can_some = any(work.can(task, rule) for work in works)
    return "no_suitable_agent" if can_some else "incapable"


def verify(hearing: Hearing[AssignmentOpened], decision: Decision) -> None:
    """Check a decision by its certificate, without assigning anything again.

    Raises:
        Rejected: A task is given twice or to who cannot do it, an agent has more than its
            capacity, the prices do not prove that nothing is cheaper, a step was not the best
            one then, or the outcome does not follow.
    """
    if not isinstance(decision, AssignmentDecided):
        raise disproved(_CODE, "outcome", type(decision).__name__, "that of an assignment")
    works = {work.agent: work for work in _works(hearing)}
    tasks = {task.name: task for task in hearing.opening.tasks}
    given = [one.task for one in decision.assigned]
    outcome: Outcome = "decided" if decision.assigned else "no_quorum"
    check_facts(
        _CODE,
        (
            *terms(hearing, decision),
            ("assigned", len(set(given)), len(given)),
            ("assigned", [name for name in given if name not in tasks], []),
            ("assigned", [one for one in decision.assigned if one.agent not in works], []),
            ("outcome", decision.outcome, outcome),
            ("unassigned", decision.unassigned, _unassigned(hearing, decision.assigned)),
            (
                "alternatives",
                decision.alternatives,
                (*_idle(hearing, decision.assigned), *hearing.invalid()),
            ),
        ),
    )
    if not hearing.has_quorum():
        nothing = ((), "", (), ())
        stated = (decision.assigned, decision.total, decision.task_prices, decision.agent_prices)
        check_facts(_CODE, (("assigned", stated, nothing),))
        return
    flaw = PROVING.find(hearing.opening.rule)(hearing.opening.tasks, _works(hearing), decision)
    if flaw:
        raise disproved(_CODE, "assigned", decision.assigned, flaw)


def result(decision: Decision) -> Decimal | str | None:
    """Return who does what, which becomes the value of the variable at stake."""
    if not isinstance(decision, AssignmentDecided) or decision.outcome != "decided":
        return None
    if len(decision.assigned) == 1 and not decision.unassigned:
        return decision.assigned[0].agent
    return ", ".join(f"{one.task} {one.agent}" for one in decision.assigned)


def standing(hearing: Hearing[AssignmentOpened]) -> Standing:
    """Show what the agents offer."""
    rows = tuple((one.agent, _said(one), str(one.position)) for one in hearing.by_agent())
    tasks = ", ".join(task.name for task in hearing.opening.tasks)
    return Standing(("agent", "offers", "position"), rows, (f"tasks: {tasks}",))


ASSIGNMENT: Final = Protocol(
    name="assignment",
    opening=AssignmentOpened,
    speech=WorkOffered,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    standing=standing,
)
ASSIGNMENT.register()
