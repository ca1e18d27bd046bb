"""Policies: rules that a declaration or an opening names, and the log keeps.

A policy is recorded as name, version and parameters, never as a closure, so that an
old decision can be checked for ever. Code is found by name and version; a changed rule
gets the next version beside the old one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, ParamSpec, TypeVar

import msgspec

from mabeam.core.errors import Rejected

__all__ = ["Policies", "Policy"]

RuleP = ParamSpec("RuleP")
ResultT = TypeVar("ResultT")
ParametersT = TypeVar("ParametersT", bound=msgspec.Struct)


class Policy(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A rule by name.

    Attributes:
        name: Registered name, ``second_price``.
        version: Registered version.
        parameters: Whatever the rule needs, as JSON.
    """

    name: str
    version: int = 1
    parameters: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class _Registered(Generic[RuleP, ResultT]):
    parameters: type[msgspec.Struct]
    function: Callable[..., ResultT]


class Policies(Generic[RuleP, ResultT]):
    """The rules of one purpose, found by name and version."""

    def __init__(self, purpose: str) -> None:
        self._purpose: Final = purpose
        self._rules: Final[dict[tuple[str, int], _Registered[RuleP, ResultT]]] = {}

    def register(
        self, name: str, version: int, parameters: type[ParametersT]
    ) -> Callable[[Callable[..., ResultT]], Callable[..., ResultT]]:
        """Register a function whose first argument are the parameters, as their struct.

        Raises:
            ValueError: Name and version are taken. Give the changed rule a new version.
        """
        if (name, version) in self._rules:
            raise ValueError(f"{self._purpose} {name} version {version} is registered already")

        def keep(function: Callable[..., ResultT]) -> Callable[..., ResultT]:
            self._rules[name, version] = _Registered(parameters, function)
            return function

        return keep

    def find(self, policy: Policy) -> Callable[RuleP, ResultT]:
        """Return the rule with its parameters filled in.

        Raises:
            Rejected: No such rule is registered, or the parameters do not fit it.
        """
        rule = self._rules.get((policy.name, policy.version))
        if rule is None:
            raise Rejected(
                "policy.unknown",
                f"unknown {self._purpose}",
                field="policy",
                value=f"{policy.name} version {policy.version}",
                allowed=", ".join(f"{name} version {n}" for name, n in self.known()),
            )
        try:
            parameters = msgspec.convert(policy.parameters, rule.parameters)
        except msgspec.ValidationError as error:
            raise Rejected(
                "policy.parameters",
                f"parameters do not fit {policy.name}",
                field="policy.parameters",
                value=policy.parameters,
                allowed=str(error),
            ) from error

        def filled(*args: RuleP.args, **kwargs: RuleP.kwargs) -> ResultT:
            return rule.function(parameters, *args, **kwargs)

        return filled

    def known(self) -> tuple[tuple[str, int], ...]:
        """Return name and version of every registered rule, sorted."""
        return tuple(sorted(self._rules))
