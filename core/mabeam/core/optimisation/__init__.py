"""Constraint optimisation: agents choose values for variables that share constraints."""

from mabeam.core.optimisation.certificate import Group, proved_bound
from mabeam.core.optimisation.course import Progress, constraints_of, moves_of, problem_in
from mabeam.core.optimisation.elimination import (
    Elimination,
    Plan,
    Size,
    bounded_plan,
    eliminate,
    induced_width,
    min_fill_order,
    plan,
    solve,
)
from mabeam.core.optimisation.events import (
    CostsDeclared,
    Move,
    MoveProposed,
    OptimisationDecided,
    OptimisationOpened,
    PassedOn,
    RoundPlayed,
)
from mabeam.core.optimisation.local_search import (
    activates,
    best_move,
    dsa,
    is_one_optimal,
    mgm,
    winners,
)
from mabeam.core.optimisation.max_sum import is_tree, max_sum
from mabeam.core.optimisation.model import (
    Assigned,
    Constraint,
    Objective,
    Problem,
    Variable,
    problem_of,
)
from mabeam.core.optimisation.protocol import OPTIMISATION

__all__ = [
    "OPTIMISATION",
    "Assigned",
    "Constraint",
    "CostsDeclared",
    "Elimination",
    "Group",
    "Move",
    "MoveProposed",
    "Objective",
    "OptimisationDecided",
    "OptimisationOpened",
    "PassedOn",
    "Plan",
    "Problem",
    "Progress",
    "RoundPlayed",
    "Size",
    "Variable",
    "activates",
    "best_move",
    "bounded_plan",
    "constraints_of",
    "dsa",
    "eliminate",
    "induced_width",
    "is_one_optimal",
    "is_tree",
    "max_sum",
    "mgm",
    "min_fill_order",
    "moves_of",
    "plan",
    "problem_in",
    "problem_of",
    "proved_bound",
    "solve",
    "winners",
]
