"""The error tree has one root, is drawn where it is defined, and crosses processes."""

from __future__ import annotations

import inspect
import pickle
import typing

import pytest

from mabeam.core import errors
from mabeam.core.errors import MabeamError

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, BaseException) and found.__module__ == errors.__name__
]
VALUES: dict[object, object] = {
    str: "text",
    int: 7,
    float: 0.5,
    object: "anything",
    BaseException: ValueError("cause"),
    Exception: ValueError("cause"),
}


def sample(annotation: object) -> object:
    """Return a value that a parameter of this type takes."""
    if typing.get_origin(annotation) is tuple:
        return ("one", "two")
    alternatives = typing.get_args(annotation) or (annotation,)
    return VALUES[alternatives[0]]


def interface(kind: type[BaseException]) -> tuple[dict[str, object], list[inspect.Parameter]]:
    """Return the types, as far as stated, and the kinds of the parameters of an error."""
    hints = typing.get_type_hints(kind.__init__)
    hints.pop("return", None)
    return hints, list(inspect.signature(kind.__init__).parameters.values())[1:]


def example(kind: type[BaseException]) -> BaseException:
    """Make an error with a value for each parameter, also for those that may be left out."""
    hints, parameters = interface(kind)
    positional: list[object] = []
    named: dict[str, object] = {}
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[parameter.name] = sample(hints[parameter.name])
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            positional.append(sample(hints[parameter.name]))
        elif parameter.kind is parameter.VAR_POSITIONAL:
            positional.append("text")
    return kind(*positional, **named)


def facts(error: BaseException) -> dict[str, str]:
    """Return the attributes of an error as text, since exceptions have no equality."""
    return {name: repr(value) for name, value in vars(error).items()}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_descends_from_the_one_root(kind: type[BaseException]) -> None:
    assert issubclass(kind, MabeamError)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_is_documented_and_drawn_in_the_tree(kind: type[BaseException]) -> None:
    assert "__doc__" in vars(kind)
    assert kind.__doc__
    lines = (errors.__doc__ or "").splitlines()
    assert kind.__name__ in {line.strip("│├└─ ").partition(" ")[0] for line in lines}
    assert kind.__name__ in errors.__all__


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_keeps_its_facts_when_pickled(kind: type[BaseException]) -> None:
    error = example(kind)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - the bytes are our own
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert facts(copy) == facts(error)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_states_every_parameter_as_an_attribute(kind: type[BaseException]) -> None:
    hints, _ = interface(kind)
    assert set(hints) <= set(facts(example(kind)))
