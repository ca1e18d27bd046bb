"""Parts of a state by their path: names joined by dots, and * for every name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mabeam.core.errors import NotFound

__all__ = ["EVERY", "at_path"]

EVERY: Final = "*"
_SHOWN_MAX: Final = 12


def at_path(state: Any, path: str) -> Any:  # noqa: ANN401 - JSON is any
    """Return the part of a plain state at a path; the whole of it for an empty one.

    A name may have dots of its own: the longest name that fits is taken. After a * the
    result is a list, in the order of the names.

    Raises:
        NotFound: There is nothing; the error names what there is instead.
    """
    return _at(state, path, "")


def _at(state: Any, path: str, walked: str) -> Any:  # noqa: ANN401 - JSON is any
    if not path:
        return state
    if path == EVERY or path.startswith(f"{EVERY}."):
        rest = path[len(EVERY) + 1 :]
        parts = _parts(state)
        return [_at(part, rest, _joined(walked, name)) for name, part in parts.items()]
    parts = _parts(state)
    for name in _candidates(path):
        if name in parts:
            return _at(parts[name], path[len(name) + 1 :], _joined(walked, name))
    raise NotFound(_nothing(path, walked, list(parts)))


def _parts(state: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON is any
    if isinstance(state, dict):
        return state  # pyright: ignore[reportUnknownVariableType]  - keys of JSON are text
    if isinstance(state, list):
        return {str(index): part for index, part in enumerate(state)}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  - JSON is any
    return {}


def _candidates(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]


def _joined(walked: str, name: str) -> str:
    return f"{walked}.{name}" if walked else name


def _nothing(path: str, walked: str, names: list[str]) -> str:
    where = walked or "the state"
    if not names:
        return f"nothing is at {path!r}, because {where} has no parts"
    shown = ", ".join(names[:_SHOWN_MAX]) + ("…" if names[_SHOWN_MAX:] else "")
    return f"nothing is at {path!r} in {where}; there is {shown}"
