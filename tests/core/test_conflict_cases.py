"""Real contradicting votes with known truth, resolved by the strategies as they are."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from mabeam.core.policies import Policy
from mabeam.core.variable import BooleanType, Candidate, ChoiceType, Value, VariableType, resolve
from support.cases import cases

EQUAL = Policy("weighted_merge")
IDS = 24


def bluebirds(folder: Path) -> tuple[VariableType, dict[str, dict[str, Value]], dict[str, Value]]:
    """Return type, votes and truth: is the bird an indigo bunting?"""
    votes: dict[str, dict[str, Value]] = {}
    workers = re.findall(r"(\d+): \{([^}]*)\}", (folder / "labels.yaml").read_text())
    for worker, said in workers:
        for image, vote in _truths(said).items():
            votes.setdefault(image, {})[worker] = vote
    return BooleanType(), votes, _truths((folder / "gt.yaml").read_text())


def _truths(text: str) -> dict[str, Value]:
    """Read a mapping of YAML from numbers to truth values."""
    return {key: value == "true" for key, value in re.findall(r"(\d+): (true|false)", text)}


def dogs(folder: Path) -> tuple[VariableType, dict[str, dict[str, Value]], dict[str, Value]]:
    """Return type, votes and truth: which of four breeds is it?"""
    votes: dict[str, dict[str, Value]] = {}
    for row in _rows(folder / "answer.csv"):
        votes.setdefault(row["question"], {})[row["worker"]] = row["answer"]
    truth: dict[str, Value] = {row["question"]: row["truth"] for row in _rows(folder / "truth.csv")}
    options = sorted({str(answer) for said in votes.values() for answer in said.values()})
    return ChoiceType(tuple(options)), votes, truth


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open() as text:
        yield from csv.DictReader(text)


def accuracy(
    type_: VariableType, votes: Mapping[str, Mapping[str, Value]], truth: Mapping[str, Value]
) -> Fraction:
    """Return how often the truth is found, where any of those tied may be what is found.

    Ties go by a hash of the conflict, so each of the tied values comes up under some ids; the
    published share counts a tie as right to the extent that the truth is among them.
    """
    right = Fraction(0)
    for item, said in votes.items():
        candidates = [
            Candidate(f"{item}-{by}", by, value, position, 1)
            for position, (by, value) in enumerate(said.items(), 2)
        ]
        found = {str(resolve(EQUAL, f"{item}-{n}", type_, candidates).value) for n in range(IDS)}
        right += Fraction(str(truth[item]) in found, len(found))
    return right / len(votes)


@pytest.mark.parametrize(
    ("folder", "read"), [("bluebirds", bluebirds), ("s_dog", dogs)], ids=["bluebirds", "s_dog"]
)
def test_equal_weights_come_to_the_published_share_of_the_majority(folder: str, read: Any) -> None:  # noqa: ANN401 - a reader
    published = json.loads((cases("conflicts") / "baselines.json").read_text())[folder]
    type_, votes, truth = read(cases("conflicts") / folder)
    assert (len(votes), sum(map(len, votes.values()))) == (published["items"], published["votes"])
    assert round(float(accuracy(type_, votes, truth)), 4) == published["majority"]
