"""How a decision on an optimisation is checked: its costs one by one, its bound by its proof."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact, to_decimal
from mabeam.core.optimisation.certificate import Group, proved_bound
from mabeam.core.optimisation.course import Progress, constraints_of, problem_in, search_of
from mabeam.core.optimisation.elimination import bounded_plan
from mabeam.core.optimisation.events import OptimisationDecided, OptimisationOpened, PassedOn
from mabeam.core.optimisation.model import PLACES, Constraint, Problem
from mabeam.core.optimisation.rules import SIZE
from mabeam.core.session.events import Alternative, Decision
from mabeam.core.session.protocol import Hearing, protocol_of, terms

__all__ = ["verify"]

_DIGITS_MAX: Final = 40


def verify(hearing: Hearing[OptimisationOpened], decision: Decision) -> None:
    """Check a decision by its certificate, without optimising again.

    Which of several equally good assignments was taken is not checked. Nor is, where
    elimination cannot be exact or messages were passed, that nothing better than the one
    decided was found.

    Raises:
        Rejected: The cost is not the sum of what the constraints charge for the assignment, the
            proof does not prove the bound, the status does not follow from both, the best is
            missed where elimination is exact, or the decision is about other positions, another
            rule or other words.
    """
    if not isinstance(decision, OptimisationDecided):
        raise _disproved("outcome", type(decision).__name__, "a decision of an optimisation")
    progress = cast("Progress", hearing.course)
    for field, stated, due in (
        *terms(hearing, decision),
        ("rounds", decision.rounds, max(progress.round - 1, 0)),
    ):
        if stated != due:
            raise _disproved(field, stated, str(due))
    _verify_alternatives(hearing, decision)
    if not hearing.has_quorum():
        _verify_nothing(decision)
        return
    problem = problem_in(hearing.opening, progress)
    bound = proved_bound(problem, [_group(passed) for passed in decision.proof])
    width = max((len(passed.scope) for passed in decision.proof), default=0)
    is_infeasible = bound > problem.high
    expected: dict[str, object] = {
        "bound": None if is_infeasible else problem.units(problem.sign * bound),
        "width": width,
    }
    if decision.outcome == "decided":
        cost = _verified_cost(hearing, problem, decision)
        expected["cost"] = cost
        is_tight = cost == expected["bound"]
        expected["status"] = "optimal" if is_tight else "bounded"
    else:
        expected |= {"outcome": "no_quorum", "assignment": (), "cost": None, "charged": ()}
        expected["status"] = "infeasible" if is_infeasible else "unsolved"
        _verify_unsolved(hearing, problem, progress)
    _expect(decision, expected)
    is_eliminated = search_of(hearing.opening).by == "elimination"
    if is_eliminated and decision.status in {"bounded", "unsolved"}:
        _verify_too_wide(problem, decision)


def _verify_alternatives(
    hearing: Hearing[OptimisationOpened], decision: OptimisationDecided
) -> None:
    """Refuse other words than those that did not count."""
    say = protocol_of(hearing.opening).say
    unheard = () if hearing.has_quorum() else hearing.by_agent()
    lost = (Alternative(w.agent, say(w.speech), w.position, "no_quorum") for w in unheard)
    due = (*lost, *hearing.invalid())
    if decision.alternatives != due:
        raise _disproved("alternatives", decision.alternatives, str(due))


def _verify_too_wide(problem: Problem, decision: OptimisationDecided) -> None:
    """Refuse a decision that leaves something open where elimination leaves nothing open."""
    if bounded_plan(problem, SIZE).is_exact:
        raise _disproved("status", decision.status, "optimal or infeasible: it is narrow enough")


def _verify_nothing(decision: OptimisationDecided) -> None:
    nothing = {"assignment": (), "cost": None, "bound": None, "width": 0}
    nothing |= {"charged": (), "proof": ()}
    _expect(decision, {"outcome": "no_quorum", "status": "unheard", **nothing})


def _expect(decision: OptimisationDecided, expected: Mapping[str, object]) -> None:
    for field, due in expected.items():
        if getattr(decision, field) != due:
            raise _disproved(field, getattr(decision, field), str(due))


def _group(passed: PassedOn) -> Group:
    for cost in passed.costs:
        # Numbers first by their size: 1e999999 as a whole number has a million digits.
        if (
            not cost.is_finite()
            or cost.adjusted() > _DIGITS_MAX
            or cost != cost.to_integral_value()
        ):
            raise _disproved("proof", cost, f"whole numbers of at most {_DIGITS_MAX} digits")
    costs = tuple(map(int, passed.costs))
    return Group(passed.variable, passed.constraints, passed.messages, passed.scope, costs)


def _verified_cost(
    hearing: Hearing[OptimisationOpened], problem: Problem, decision: OptimisationDecided
) -> Decimal:
    """Return the cost that follows from the constraints as they were declared."""
    opening, progress = hearing.opening, cast("Progress", hearing.course)
    values = {one.variable: one.value for one in decision.assignment}
    names = [variable.name for variable in opening.variables]
    if [one.variable for one in decision.assignment] != names:
        raise _disproved("assignment", sorted(values), f"each of {', '.join(names)} once")
    domains = {variable.name: variable.domain for variable in opening.variables}
    for name, value in values.items():
        if value not in domains[name]:
            raise _disproved(f"value of {name}", value, ", ".join(domains[name]))
    if search_of(opening).is_played:
        best = problem.assigned(progress.best)
        if decision.assignment != best:
            raise _disproved("assignment", decision.assignment, str(best))
    charged = tuple(
        _charge(domains, values, constraint) for constraint in constraints_of(opening, progress)
    )
    if decision.charged != charged:
        raise _disproved("charged", decision.charged, str(charged))
    # In the exact fractions that the decimals are, whatever precision is in force.
    return to_decimal(sum(map(exact, charged), Fraction(0)), PLACES)


def _charge(
    domains: Mapping[str, tuple[str, ...]], values: Mapping[str, str], constraint: Constraint
) -> Decimal:
    cell = 0
    for name in constraint.scope:
        cell = cell * len(domains[name]) + domains[name].index(values[name])
    cost = constraint.costs[cell]
    if cost is None:
        raise _disproved("assignment", "-".join(constraint.scope), "a combination not forbidden")
    return cost


def _verify_unsolved(
    hearing: Hearing[OptimisationOpened], problem: Problem, progress: Progress
) -> None:
    """Refuse that nothing was found where the agents had found something."""
    is_searched = search_of(hearing.opening).is_played
    if is_searched and not problem.violations(problem.total(progress.best)):
        raise _disproved("assignment", "none", str(problem.assigned(progress.best)))


def _disproved(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        "optimisation.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=allowed,
    )
