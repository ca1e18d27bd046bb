"""How an optimisation goes on: costs are declared, then agents move in rounds.

In round 0 each participant declares what it knows of the costs. Under bucket elimination the
session is complete then. Under MGM and DSA rounds follow, with one word of each participant in
each: what it would change, and what it gains. The gain is checked against the declared costs.
A round is over when all have spoken, or by the clock; who was silent stays where it is. The
best assignment so far is kept, so whatever ends the session leaves a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import msgspec
from immutables import Map

from mabeam.core.optimisation.events import (
    CostsDeclared,
    Move,
    MoveProposed,
    OptimisationOpened,
    RoundPlayed,
)
from mabeam.core.optimisation.local_search import (
    activates,
    best_move,
    is_one_optimal,
    winners,
)
from mabeam.core.optimisation.model import Assigned, Constraint, Problem, problem_of
from mabeam.core.optimisation.rules import RULES, Search
from mabeam.core.session.course import NOTHING_DUE, Course, Due, Said, Start

__all__ = ["COURSE", "Progress", "constraints_of", "moves_of", "problem_in", "search_of"]

_NS_PER_MS: Final = 1_000_000


class Progress(msgspec.Struct, frozen=True, gc=False):
    """How an optimisation stands.

    Attributes:
        session: Name of the session.
        begun_ns: When the round began, on the log's clock.
        cause: Id of the event with which it began.
        values: The number of each variable's value now.
        best: The best assignment so far, likewise.
        round: Number of the round; 0 while costs are declared.
        settled: Whether no variable can gain any more.
        declared: What each agent knows of the costs.
        proposed: What each agent would change in this round.
        completed_id: Id of the word with which all had spoken in this round; empty before.
        completed_at: Where that word stands.
    """

    session: str
    begun_ns: int
    cause: str
    values: tuple[int, ...]
    best: tuple[int, ...]
    round: int = 0
    settled: bool = False
    declared: Map[str, tuple[Constraint, ...]] = Map()
    proposed: Map[str, tuple[Move, ...]] = Map()
    completed_id: str = ""
    completed_at: int = 0


def search_of(opening: OptimisationOpened) -> Search:
    """Return how an opening's rule finds an assignment."""
    return RULES.find(opening.rule)()


def constraints_of(opening: OptimisationOpened, progress: Progress) -> tuple[Constraint, ...]:
    """Return all constraints in the order by which certificates number them."""
    declared = (progress.declared[agent] for agent in sorted(progress.declared))
    return (*opening.constraints, *(one for constraints in declared for one in constraints))


def problem_in(opening: OptimisationOpened, progress: Progress) -> Problem:
    """Return the problem as far as it is known."""
    constraints = constraints_of(opening, progress)
    return problem_of(opening.variables, constraints, opening.objective)


def initial(opening: OptimisationOpened, start: Start) -> Progress:
    """Begin with the initial values."""
    values = problem_of(opening.variables, (), opening.objective).initial()
    return Progress(start.session, start.recorded_ns, start.event_id, values, values)


def object_to(opening: OptimisationOpened, progress: Progress, said: Said) -> str:
    """Refuse words out of their round, about variables of others, and gains that are not so."""
    if isinstance(said.event, CostsDeclared):
        return _objection_to_costs(opening, progress, said.agent, said.event)
    word = cast("MoveProposed", said.event)
    if word.round != progress.round or progress.settled:
        return f"not_this_round: {word.round}, but it is {progress.round}"
    if said.agent in progress.proposed:
        return "has_spoken: one word in each round"
    objections = (_objection_to_move(opening, progress, said.agent, move) for move in word.moves)
    return next(filter(None, objections), "")


def _objection_to_costs(
    opening: OptimisationOpened, progress: Progress, agent: str, word: CostsDeclared
) -> str:
    if progress.round:
        return "too_late: costs are declared in round 0"
    owners = {variable.name: variable.agent for variable in opening.variables}
    for constraint in word.constraints:
        if all(owners[name] != agent for name in constraint.scope):
            return f"not_yours: {', '.join(constraint.scope)}"
    return ""


def _objection_to_move(
    opening: OptimisationOpened, progress: Progress, agent: str, move: Move
) -> str:
    number = _numbers(opening)[move.variable]
    if opening.variables[number].agent != agent:
        return f"not_yours: {move.variable}"
    problem, search = problem_in(opening, progress), search_of(opening)
    gain = _gain(problem, progress.values, number, move)
    if move.gain != problem.units(gain) or gain <= 0:
        return f"wrong_gain: {move.variable} gains {problem.units(gain)}"
    seed = (progress.session, progress.round, move.variable)
    if search.by == "dsa" and not activates(search.probability, *seed):
        return f"not_active: chance lets {move.variable} stay in round {progress.round}"
    return ""


def _numbers(opening: OptimisationOpened) -> dict[str, int]:
    return {variable.name: number for number, variable in enumerate(opening.variables)}


def _gain(problem: Problem, values: tuple[int, ...], variable: int, move: Move) -> int:
    value = problem.variables[variable].domain.index(move.value)
    moved = (*values[:variable], value, *values[variable + 1 :])
    touching = problem.touching[variable]
    return sum(problem.cost(n, values) - problem.cost(n, moved) for n in touching)


def evolve(opening: OptimisationOpened, progress: Progress, said: Said) -> Progress:
    """Take a word down, or begin the next round."""
    match said.event:
        case CostsDeclared(constraints=constraints):
            declared = progress.declared.set(said.agent, constraints)
            return _completed(
                msgspec.structs.replace(progress, declared=declared), declared, opening, said
            )
        case MoveProposed(moves=moves):
            proposed = progress.proposed.set(said.agent, moves)
            return _completed(
                msgspec.structs.replace(progress, proposed=proposed), proposed, opening, said
            )
        case RoundPlayed() as event if event.round == progress.round:
            return _next_round(opening, progress, event, said)
        case _:
            return progress


def _completed(
    progress: Progress, spoken: Mapping[str, object], opening: OptimisationOpened, said: Said
) -> Progress:
    if progress.completed_id or len(spoken) < len(opening.participants):
        return progress
    return msgspec.structs.replace(progress, completed_id=said.event_id, completed_at=said.position)


def _next_round(
    opening: OptimisationOpened, progress: Progress, event: RoundPlayed, said: Said
) -> Progress:
    problem = problem_in(opening, progress)
    values = _applied(opening, progress.values, event.moved)
    # What was best before the costs were known was judged by some of them only.
    best = progress.best if progress.round else values
    if problem.total(values) < problem.total(best):
        best = values
    return Progress(
        session=progress.session,
        begun_ns=said.recorded_ns,
        cause=said.event_id,
        values=values,
        best=best,
        round=progress.round + 1,
        settled=is_one_optimal(problem, values),
        declared=progress.declared,
    )


def _applied(
    opening: OptimisationOpened, values: tuple[int, ...], moved: tuple[Assigned, ...]
) -> tuple[int, ...]:
    """Return the values after moves; those that cannot be made are nobody's."""
    numbers = _numbers(opening)
    found = list(values)
    for one in moved:
        number = numbers.get(one.variable)
        if number is not None and one.value in opening.variables[number].domain:
            found[number] = opening.variables[number].domain.index(one.value)
    return tuple(found)


def due(opening: OptimisationOpened, progress: Progress, now_ns: int) -> Due:
    """Close a round when all have spoken or its time is up, and the session after the last."""
    search = search_of(opening)
    if not search.is_played:
        if not progress.completed_id:
            return NOTHING_DUE
        return Due(close="complete", cause=progress.completed_id, position=progress.completed_at)
    if progress.settled or progress.round > search.rounds:
        return Due(close="complete", cause=progress.cause)
    if progress.completed_id:
        closed = _closed(opening, progress, search)
        return Due(announce=closed, cause=progress.completed_id, position=progress.completed_at)
    at_ns = progress.begun_ns + search.round_ms * _NS_PER_MS
    if now_ns >= at_ns:
        return Due(announce=_closed(opening, progress, search), cause=progress.cause)
    return Due(at_ns=at_ns)


def _closed(opening: OptimisationOpened, progress: Progress, search: Search) -> RoundPlayed:
    problem, numbers = problem_in(opening, progress), _numbers(opening)
    moves = {
        numbers[move.variable]: move
        for agent in sorted(progress.proposed)
        for move in progress.proposed[agent]
    }
    chosen = frozenset(moves)
    if search.by == "mgm":
        gains = {
            number: _gain(problem, progress.values, number, move) for number, move in moves.items()
        }
        chosen = winners(problem, gains, progress.session, progress.round)
    moved = tuple(Assigned(moves[n].variable, moves[n].value) for n in sorted(chosen))
    total = problem.total(_applied(opening, progress.values, moved))
    return RoundPlayed(
        round=progress.round,
        moved=moved,
        cost=problem.shown(total),
        violated=problem.violations(total),
        penalty=problem.units(problem.penalty),
    )


def moves_of(opening: OptimisationOpened, progress: Progress, agent: str) -> tuple[Move, ...]:
    """Return the best moves of an agent in this round, as its rule asks for them."""
    problem, search = problem_in(opening, progress), search_of(opening)
    found: list[Move] = []
    for number, variable in enumerate(opening.variables):
        if variable.agent != agent:
            continue
        value, gain = best_move(problem, progress.values, number)
        is_active = search.by == "mgm" or activates(
            search.probability, progress.session, progress.round, variable.name
        )
        if gain and is_active:
            found.append(Move(variable.name, variable.domain[value], problem.units(gain)))
    return tuple(found)


COURSE: Final = Course(initial, object_to, evolve, due)
