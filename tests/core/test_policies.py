"""Rules that are recorded by name, version and parameters."""

from __future__ import annotations

import msgspec
import pytest

from mabeam.core.errors import Rejected
from mabeam.core.policies import Policies, Policy


class Factor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the rule multiplies with."""

    factor: int = 2


def rules() -> Policies[[int], int]:
    """Return two versions of a rule."""
    made: Policies[[int], int] = Policies("test rule")

    @made.register("times", 1, Factor)
    def _once(parameters: Factor, number: int) -> int:
        return parameters.factor * number

    @made.register("times", 2, Factor)
    def _twice(parameters: Factor, number: int) -> int:
        return parameters.factor * number * 2

    return made


def test_a_rule_is_found_by_name_and_version() -> None:
    assert rules().find(Policy("times"))(5) == 10
    assert rules().find(Policy("times", 2))(5) == 20


def test_a_rule_gets_the_parameters_that_were_recorded() -> None:
    assert rules().find(Policy("times", 1, {"factor": 7}))(5) == 35


def test_what_is_known_is_listed_in_order() -> None:
    assert rules().known() == (("times", 1), ("times", 2))


@pytest.mark.parametrize(
    ("policy", "value"),
    [(Policy("plus"), "plus version 1"), (Policy("times", 3), "times version 3")],
)
def test_an_unknown_rule_is_refused_with_those_that_are_known(policy: Policy, value: str) -> None:
    with pytest.raises(Rejected) as caught:
        rules().find(policy)
    assert (caught.value.code, caught.value.field) == ("policy.unknown", "policy")
    assert caught.value.value == value
    assert caught.value.allowed == "times version 1, times version 2"


@pytest.mark.parametrize(
    ("parameters", "allowed"),
    [
        ({"factor": "7"}, "Expected `int`, got `str` - at `$.factor`"),
        ({"factor": 1.5}, "Expected `int`, got `float` - at `$.factor`"),
        ({"divisor": 7}, "Object contains unknown field `divisor`"),
    ],
    ids=str,
)
def test_parameters_that_do_not_fit_are_refused(
    parameters: dict[str, object], allowed: str
) -> None:
    with pytest.raises(Rejected) as caught:
        rules().find(Policy("times", 1, parameters))
    assert (caught.value.code, caught.value.field) == ("policy.parameters", "policy.parameters")
    assert caught.value.value == str(parameters)
    assert caught.value.allowed == allowed


def test_a_name_and_version_can_be_taken_once() -> None:
    with pytest.raises(ValueError, match="times version 1 is registered already"):
        rules().register("times", 1, Factor)


def test_a_policy_is_plain_data() -> None:
    policy = Policy("times", 2, {"factor": 7})
    written = msgspec.json.encode(policy)
    assert written == b'{"name":"times","version":2,"parameters":{"factor":7}}'
    assert msgspec.json.decode(written, type=Policy) == policy
