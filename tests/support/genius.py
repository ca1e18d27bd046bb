"""Negotiation domains in the XML of Genius, as the competitions of ANAC publish them.

Raz Lin and others, Genius: An Integrated Environment for Supporting the Design of Generic
Automated Negotiators, Computational Intelligence 30 (2014). Only discrete issues are read.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

from mabeam.core.negotiation import Evaluation, OptionsIssue

__all__ = ["Profile", "domain", "profile"]


class Profile(msgspec.Struct, frozen=True):
    """What the outcomes of a domain are worth to a party."""

    evaluations: tuple[Evaluation, ...]
    reservation: Decimal


def domain(path: Path) -> tuple[OptionsIssue, ...]:
    """Read the issues of a domain."""
    root = ET.fromstring(path.read_text("utf-8"))  # noqa: S314 - a file of our own choice
    return tuple(
        OptionsIssue(
            issue.attrib["name"], tuple(item.attrib["value"] for item in issue.iter("item"))
        )
        for issue in root.iter("issue")
    )


def profile(path: Path, issues: tuple[OptionsIssue, ...]) -> Profile:
    """Read the utilities of a party, in the order of the issues of its domain."""
    root = ET.fromstring(path.read_text("utf-8"))  # noqa: S314 - a file of our own choice
    weights = {one.attrib["index"]: Decimal(one.attrib["value"]) for one in root.iter("weight")}
    found: dict[str, Evaluation] = {}
    for issue in root.iter("issue"):
        worth = {i.attrib["value"]: Decimal(i.attrib["evaluation"]) for i in issue.iter("item")}
        name = issue.attrib["name"]
        options = next(known.options for known in issues if known.name == name)
        found[name] = Evaluation(
            weights[issue.attrib["index"]], tuple(worth[option] for option in options)
        )
    reserved = root.find("reservation")
    return Profile(
        tuple(found[issue.name] for issue in issues),
        Decimal(0) if reserved is None else Decimal(reserved.attrib["value"]),
    )
