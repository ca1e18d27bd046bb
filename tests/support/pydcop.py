"""Reads constraint problems in pyDCOP's YAML, as far as its forms are used by the cases.

Nested maps by indentation, lists on one line, and scalars; no more of YAML than that.
Constraints are tables of assignments, or expressions over variables, which are evaluated from
their syntax tree and by nothing that could run code.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

from mabeam.core.optimisation import Constraint, Problem, Variable, problem_of

__all__ = ["evaluate", "problem_in_file"]


def problem_in_file(path: Path) -> Problem:
    """Return the problem of a file."""
    tree = _tree(path.read_text("utf-8"))
    domains = {name: _list(entry["values"]) for name, entry in tree["domains"].items()}
    variables = tuple(
        Variable(name, domains[entry["domain"]], "agent")
        for name, entry in tree["variables"].items()
    )
    by_name = {variable.name: variable.domain for variable in variables}
    costs = [
        _intention(by_name, entry["cost_function"])
        for entry in tree["variables"].values()
        if "cost_function" in entry
    ]
    costs += [_constraint(by_name, entry) for entry in tree["constraints"].values()]
    return problem_of(variables, tuple(costs), tree.get("objective", "min"))


def _constraint(domains: Mapping[str, tuple[str, ...]], entry: Mapping[str, Any]) -> Constraint:
    if entry["type"] == "intention":
        return _intention(domains, entry["function"])
    scope = _list(entry["variables"])
    costs = {
        tuple(combination.split()): Decimal(cost)
        for cost, combinations in entry["values"].items()
        for combination in combinations.split("|")
    }
    cells = product(*(domains[name] for name in scope))
    return Constraint(scope, tuple(costs[cell] for cell in cells))


def _intention(domains: Mapping[str, tuple[str, ...]], text: str) -> Constraint:
    tree = ast.parse(text, mode="eval").body
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    scope = tuple(name for name in domains if name in used)
    cells = product(*(domains[name] for name in scope))
    costs = (evaluate(tree, dict(zip(scope, cell, strict=True))) for cell in cells)
    return Constraint(scope, tuple(Decimal(str(cost)) for cost in costs))


def evaluate(node: ast.expr, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - any scalar
    """Return what an expression comes to: numbers, texts, names, ``==``, ``if`` and minus."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -evaluate(operand, values)
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return str(evaluate(left, values)) == str(evaluate(right, values))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return evaluate(body if evaluate(test, values) else orelse, values)
        case _:
            raise ValueError(f"not understood: {ast.dump(node)}")


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.strip("[]").split(","))


def _tree(text: str) -> dict[str, Any]:
    root: dict[str, Any] = {}
    open_: list[tuple[int, dict[str, Any]]] = [(-1, root)]
    for line in text.splitlines():
        stripped = line.strip()
        key, colon, value = stripped.partition(":")
        if not colon or stripped.startswith("#"):
            continue
        depth = len(line) - len(line.lstrip())
        while open_[-1][0] >= depth:
            open_.pop()
        inner: dict[str, Any] = {}
        open_[-1][1][key.strip()] = value.strip() or inner
        open_.append((depth, inner))
    return root
