"""Which concurrent proposals are no conflict: equal ones, and those for other parts.

Of two proposals from the same base, one for ``{"model": ...}`` and one for
``{"budget": ...}`` of a composite, neither undoes the other. This is the three-way merge of
version control (Khanna, Kunal and Pierce, "A formal investigation of diff3", FSTTCS 2007),
part by part instead of line by line: a part that only one side has touched is that side's.
"""

from __future__ import annotations

from typing import Any

from mabeam.core.variable.types import CompositeType, Value, VariableType

__all__ = ["rebased"]


def rebased(
    type_: VariableType, before: Value, present: Value, wanted: Value
) -> tuple[Value, bool]:
    """Return what a proposal asks for once it has seen the present, and whether both clash.

    Args:
        type_: The type of all three.
        before: The value that the proposal was made against.
        present: What others have made of it since.
        wanted: What the proposal asks for.

    Returns:
        The present with all that the proposal touches as it wants it, and whether it undoes
        anything that the others have touched.
    """
    if wanted == present:
        return present, False
    if not isinstance(type_, CompositeType) or wanted == before:
        # A wish to leave everything as it was is a wish too.
        return wanted, True
    sides = [_parts_of(type_, one) for one in (before, present, wanted)]
    if not all(sides):
        return wanted, True
    found: dict[str, Any] = {}
    clashes = False
    for name, part in sorted(type_.parts.items()):
        was, theirs, mine = (side[name] for side in sides)
        if mine == was:
            found[name] = theirs
        elif theirs == was:
            found[name] = mine
        else:
            found[name], clash = rebased(part, was, theirs, mine)
            clashes = clashes or clash
    return found, clashes


def _parts_of(type_: CompositeType, value: Value) -> dict[str, Any]:
    """Return the parts of a value, none if it is not of the type."""
    return value if isinstance(value, dict) and value.keys() == type_.parts.keys() else {}
