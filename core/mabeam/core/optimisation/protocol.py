"""Constraint optimisation as a session: agents declare costs, and the best assignment is decided.

By bucket elimination the best assignment of all is found, as far as the problem is narrow
enough; else the best that local search finds from where smaller tables lead. By Max-Sum protocol
code passes messages, which find the best on a tree. By MGM or DSA the agents search, in rounds.
In all four the decision carries a bound with its proof, so anybody can see how far from the
best it can be at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, cast

import msgspec

from mabeam.core.checking import plain
from mabeam.core.errors import Rejected
from mabeam.core.ids import order_key
from mabeam.core.optimisation.course import (
    COURSE,
    Progress,
    problem_in,
    search_of,
)
from mabeam.core.optimisation.elimination import (
    Cluster,
    Elimination,
    bounded_plan,
    eliminate,
)
from mabeam.core.optimisation.events import (
    CostsDeclared,
    MoveProposed,
    OptimisationDecided,
    OptimisationOpened,
    OptimisationSpeech,
    PassedOn,
    Status,
)
from mabeam.core.optimisation.local_search import mgm
from mabeam.core.optimisation.max_sum import max_sum
from mabeam.core.optimisation.model import (
    Constraint,
    Problem,
    Variable,
    check_constraint,
    check_variables,
)
from mabeam.core.optimisation.proving import verify
from mabeam.core.optimisation.rules import SIZE, Search
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing
from mabeam.core.subjects import check_name

__all__ = ["CELLS_MAX", "CONSTRAINTS_MAX", "OPTIMISATION", "VARIABLES_MAX"]

VARIABLES_MAX: Final = 200
"""How many variables a session may have."""
CONSTRAINTS_MAX: Final = 600
"""How many constraints a session may have, the opening's and those declared together."""
CELLS_MAX: Final = 15_000
"""How many combinations all its constraints may list."""
STEPS_MAX: Final = 2_000_000
"""How many sums the rounds of Max-Sum may take together."""
QUESTION_LENGTH_MAX: Final = 1000
_POLISHING_ROUNDS: Final = 20


def check_opening(opening: OptimisationOpened) -> None:
    """Refuse a question that cannot be answered.

    Raises:
        Rejected: Variables or constraints do not fit, a participant has no variable or an
            owner is no participant, or a field that has no meaning here is given.
    """
    search_of(opening)
    if not 1 <= len(opening.variables) <= VARIABLES_MAX:
        raise _refusal("variables", "variables", len(opening.variables), f"1 to {VARIABLES_MAX}")
    if len(opening.question) > QUESTION_LENGTH_MAX:
        allowed = f"at most {QUESTION_LENGTH_MAX} characters"
        raise _refusal("question", "question", len(opening.question), allowed)
    check_variables(opening.variables)
    _check_constraints(opening, opening.constraints, 1, "opening")
    owners = sorted({variable.agent for variable in opening.variables})
    if sorted(participant.agent for participant in opening.participants) != owners:
        raise _refusal("participants", "participants", opening.participants, ", ".join(owners))
    if opening.tie_break != "canonical":
        raise _refusal("tie_break", "tie_break", opening.tie_break, "canonical")
    if opening.revising != "latest":
        raise _refusal("revising", "revising", opening.revising, "latest")
    if opening.variable:
        raise _refusal("variable", "variable", opening.variable, "name it in changes of each")
    _check_changes(opening.variables)


def _check_changes(variables: Sequence[Variable]) -> None:
    changed = [variable.changes for variable in variables if variable.changes]
    for name in changed:
        check_name("entity", name, "changes")
    if len(set(changed)) != len(changed):
        raise _refusal("changes", "changes", changed, "each variable of the space once")
    for variable in variables:
        if variable.is_number:
            for value in variable.domain:
                _check_number(f"domain of {variable.name}", value)


def _check_number(field: str, text: str) -> None:
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise _refusal("domain", field, text, "numbers") from None
    plain("optimisation.domain", field, number)


def check_speech(opening: OptimisationOpened, speech: Speech) -> None:
    """Refuse a word that can never count.

    Raises:
        Rejected: A constraint does not fit the variables, there are too many, or a move is
            not one to a value of a variable.
    """
    match speech:
        case CostsDeclared(constraints=constraints):
            _check_constraints(opening, constraints, len(opening.participants), "constraints")
        case MoveProposed() as word:
            _check_moves(opening, word)
        case _:
            raise _refusal("speech", "type", type(speech).__name__, "costs or moves")


def _check_constraints(
    opening: OptimisationOpened, constraints: Sequence[Constraint], shares: int, field: str
) -> None:
    sizes = {variable.name: len(variable.domain) for variable in opening.variables}
    # What the opening leaves is shared out evenly, so that nobody can use up what others need.
    taken = () if field == "opening" else opening.constraints
    count_max = (CONSTRAINTS_MAX - len(taken)) // shares
    cells_max = (CELLS_MAX - sum(len(one.costs) for one in taken)) // shares
    if len(constraints) > count_max:
        raise _refusal("constraints", field, len(constraints), f"at most {count_max}")
    cells = sum(len(one.costs) for one in constraints)
    if cells > cells_max:
        raise _refusal("cells", field, cells, f"at most {cells_max} combinations together")
    for constraint in constraints:
        check_constraint(sizes, constraint)


def _check_moves(opening: OptimisationOpened, word: MoveProposed) -> None:
    if not search_of(opening).is_played:
        raise _refusal("moves", "rule", opening.rule.name, "mgm or dsa, to have rounds of moves")
    domains = {variable.name: variable.domain for variable in opening.variables}
    names = [move.variable for move in word.moves]
    if len(set(names)) != len(names) or not set(names) <= set(domains):
        raise _refusal("moves", "moves", names, f"each once of {', '.join(domains)}")
    for move in word.moves:
        if move.value not in domains[move.variable]:
            allowed = ", ".join(domains[move.variable])
            raise _refusal("moves", move.variable, move.value, allowed)
        if not move.gain.is_finite():
            raise _refusal("moves", f"gain of {move.variable}", move.gain, "a finite number")


def say(speech: Speech) -> str:
    """Write a word as text."""
    match speech:
        case CostsDeclared(constraints=constraints):
            return f"{len(constraints)} constraints"
        case MoveProposed(round=round_, moves=moves):
            told = ", ".join(f"{move.variable}={move.value}" for move in moves)
            return f"round {round_}: {told or 'stays'}"
        case _:
            return ""


def decide(hearing: Hearing[OptimisationOpened]) -> OptimisationDecided:
    """Decide by the best assignment found, with a bound that proves how good it is."""
    opening, progress = hearing.opening, cast("Progress", hearing.course)
    if not hearing.has_quorum():
        unheard = tuple(
            Alternative(s.agent, say(s.speech), s.position, "no_quorum") for s in hearing.by_agent()
        )
        return _decided(hearing, "no_quorum", "unheard", unheard)
    problem = problem_in(opening, progress)

    def tie_key(variable: int, value: int) -> bytes:
        chosen = problem.variables[variable]
        closed = hearing.considered.closed
        return order_key(hearing.session, closed, chosen.name, chosen.domain[value])

    found = eliminate(problem, bounded_plan(problem, SIZE), tie_key)
    match search_of(opening):
        case Search(by="elimination"):
            values = _best_found(problem, found, hearing.session)
        case Search(by="max_sum", rounds=rounds):
            values = _told(problem, rounds, hearing.session)
        case _:
            values = progress.best
    total = problem.total(values)
    status, outcome = _judged(problem, total, found.bound)
    decided = _decided(hearing, outcome, status, ())
    changes = {
        "assignment": problem.assigned(values) if outcome == "decided" else (),
        "cost": problem.shown(total) if outcome == "decided" else None,
        "bound": None if status == "infeasible" else problem.units(problem.sign * found.bound),
        "width": max((len(c.planned.scope) for c in found.clusters), default=0),
        "charged": _charged(problem, values) if outcome == "decided" else (),
        "proof": tuple(map(_passed_on, found.clusters)),
    }
    return msgspec.structs.replace(decided, **changes)


def _best_found(problem: Problem, found: Elimination, session: str) -> tuple[int, ...]:
    if found.plan.is_exact:
        return found.values
    starts = (found.values, problem.initial())
    ends = [mgm(problem, start, _POLISHING_ROUNDS, session)[-1] for start in starts]
    return min(ends, key=problem.total)


def _told(problem: Problem, rounds: int, session: str) -> tuple[int, ...]:
    steps = sum(len(table.costs) * len(table.scope) for table in problem.tables)
    rounds = min(rounds, STEPS_MAX // max(steps, 1))
    return min(max_sum(problem, rounds, session), problem.initial(), key=problem.total)


def _judged(problem: Problem, total: int, bound: int) -> tuple[Status, Outcome]:
    if not problem.violations(total):
        return ("optimal" if total == bound else "bounded"), "decided"
    return ("infeasible" if bound > problem.high else "unsolved"), "no_quorum"


def _charged(problem: Problem, values: Sequence[int]) -> tuple[Decimal, ...]:
    costs = (problem.cost(number, values) for number in range(len(problem.tables)))
    return tuple(problem.units(problem.sign * cost) for cost in costs)


def _passed_on(cluster: Cluster) -> PassedOn:
    planned = cluster.planned
    costs = tuple(map(Decimal, cluster.costs))
    return PassedOn(planned.variable, planned.tables, planned.messages, planned.scope, costs)


def _decided(
    hearing: Hearing[OptimisationOpened],
    outcome: Outcome,
    status: Status,
    unheard: tuple[Alternative, ...],
) -> OptimisationDecided:
    progress = cast("Progress", hearing.course)
    return OptimisationDecided(
        outcome=outcome,
        rule=hearing.opening.rule,
        considered=hearing.considered,
        alternatives=(*unheard, *hearing.invalid()),
        superseded=hearing.superseded,
        status=status,
        rounds=max(progress.round - 1, 0),
    )


def result(decision: Decision) -> Decimal | str | None:
    """Return the assignment as text."""
    if isinstance(decision, OptimisationDecided) and decision.outcome == "decided":
        return ", ".join(f"{one.variable}={one.value}" for one in decision.assignment)
    return None


def results(
    opening: OptimisationOpened, decision: Decision
) -> tuple[tuple[str, Decimal | str], ...]:
    """Return the value of each variable of the space that the decision changes."""
    if not isinstance(decision, OptimisationDecided):
        return ()
    values = {one.variable: one.value for one in decision.assignment}
    return tuple(
        (one.changes, Decimal(values[one.name]) if one.is_number else values[one.name])
        for one in opening.variables
        if one.changes and one.name in values
    )


def standing(hearing: Hearing[OptimisationOpened]) -> Standing:
    """Show each variable with its value now, and what that costs; once closed, what was decided."""
    if hearing.considered.closed:
        return _settled(hearing.opening, decide(hearing))
    opening, progress = hearing.opening, cast("Progress", hearing.course)
    problem = problem_in(opening, progress)
    total, best = problem.total(progress.values), problem.total(progress.best)
    rows = tuple(
        (variable.name, variable.agent, variable.domain[now], variable.domain[then])
        for variable, now, then in zip(
            opening.variables, progress.values, progress.best, strict=True
        )
    )
    known = (
        f"Round {progress.round}: {len(progress.declared)} of {len(opening.participants)} have"
        f" declared costs, {len(problem.tables)} constraints in all."
    )
    costs = (
        f"Now it costs {problem.shown(total)} and breaks {problem.violations(total)}; at best"
        f" {problem.shown(best)}, breaking {problem.violations(best)}."
    )
    return Standing(("variable", "agent", "now", "best so far"), rows, (known, costs))


def _settled(opening: OptimisationOpened, decision: OptimisationDecided) -> Standing:
    rows = tuple(
        (variable.name, variable.agent, one.value)
        for variable, one in zip(opening.variables, decision.assignment, strict=False)
    )
    bound = "" if decision.bound is None else f", and no other is better than {decision.bound}"
    told = f"It costs {decision.cost}{bound}" if rows else f"None was decided{bound}"
    return Standing(("variable", "agent", "value"), rows, (f"{told}: {decision.status}.",))


def _refusal(code: str, field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        f"optimisation.{code}",
        "it cannot be optimised so",
        field=field,
        value=value,
        allowed=allowed,
    )


OPTIMISATION: Final = Protocol(
    name="optimisation",
    opening=OptimisationOpened,
    speech=OptimisationSpeech,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    results=results,
    course=COURSE,
    standing=standing,
)
OPTIMISATION.register()
