"""Import every module of mabeam and print, as JSON, what is wrong with them.

Run as a program of its own, so that importing everything neither counts as testing it
nor leaves traces for other tests.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

import mabeam
from mabeam.core.errors import MabeamError

# Adapters for these are imported only where the library is installed.
OPTIONAL = {"dspy", "eventsourcing"}


def modules() -> Iterator[ModuleType]:
    """Import all modules but those that run a program, or need what is not installed."""
    for found in pkgutil.walk_packages(mabeam.__path__, "mabeam."):
        if not found.name.endswith(".__main__"):
            try:
                yield importlib.import_module(found.name)
            except ModuleNotFoundError as error:
                if error.name not in OPTIONAL:
                    raise


def complaints(module: ModuleType) -> Iterator[str]:
    """Check what a module declares, and the errors that it defines."""
    declared: list[str] = getattr(module, "__all__", [])
    for name in declared:
        if not hasattr(module, name):
            yield f"{module.__name__}.__all__ lists {name}, which does not exist"
    for name, found in inspect.getmembers(module, inspect.isclass):
        if issubclass(found, BaseException) and found.__module__.startswith("mabeam."):
            if not issubclass(found, MabeamError):
                if not name.startswith("_") and not is_at_home(found, module):
                    yield f"{module.__name__}.{name} is no MabeamError, yet others can see it"
            elif found.__module__ != MabeamError.__module__:
                yield f"{module.__name__}.{name} belongs into {MabeamError.__module__}"
            if not found.__doc__:
                yield f"{module.__name__}.{name} has no docstring"


def is_at_home(found: type, module: ModuleType) -> bool:
    """Tell whether a class is seen only by modules beside the one that defines it.

    The modules of one adapter may signal to each other by exceptions of their own, as long as
    neither the adapter's package offers them nor anybody else imports them.
    """
    package = found.__module__.rpartition(".")[0]
    is_within_a_component = package.count(".") > 1
    return is_within_a_component and module.__name__.startswith(f"{package}.")


if __name__ == "__main__":
    surveyed = list(modules())
    json.dump(
        {
            "modules": [module.__name__ for module in surveyed],
            "complaints": [text for module in surveyed for text in complaints(module)],
        },
        sys.stdout,
    )
