"""What the page of events says."""

from __future__ import annotations

import re

import msgspec

from mabeam.app.schema import reference
from mabeam.app.schema.entries import entries
from mabeam.app.schema.shapes import structs_in
from mabeam.app.schema.wording import wording_of
from mabeam.core.events import Event
from mabeam.core.session import Announcement, Decision

# Said in full here, so that a lost word in a docstring does not quietly widen who may decide;
# decisions and announcements are so by their class.
PROTOCOL_ONLY = {
    "mabeam.conflict.detected.v1",
    "mabeam.conflict.resolution_chosen.v1",
    "mabeam.conflict.resolved.v1",
    "mabeam.constraint.checked.v1",
    "mabeam.session.child_ended.v1",
    "mabeam.session.closed.v1",
    "mabeam.session.failed.v1",
    "mabeam.variable.affirmed.v1",
    "mabeam.variable.changed.v1",
    "mabeam.variable.refused.v1",
} | {entry.name for entry in entries() if issubclass(entry.struct, Decision | Announcement)}


def test_decisions_and_what_follows_from_them_are_left_to_coordinators() -> None:
    assert {entry.name for entry in entries() if entry.protocol_only} == PROTOCOL_ONLY


def test_every_field_of_every_event_has_a_meaning() -> None:
    dumb = [
        f"{struct.__name__}.{field.name}"
        for struct in structs_in(entry.struct for entry in entries())
        for field in msgspec.structs.fields(struct)
        if not wording_of(struct).fields.get(field.name)
    ]
    assert dumb == []


def test_a_docstring_becomes_words_for_readers_of_json() -> None:
    class Base(Event, frozen=True, kw_only=True):
        """Not said of the heir.

        Attributes:
            price: In minor units; None
                without a ``winner``.
            note: For people.
        """

        price: int | None = None
        note: str = ""

    class Heir(Base, frozen=True, kw_only=True):
        """It is so,
        and stays so.

        Attributes:
            note: For nobody.
        """  # noqa: D205 - the summary of two lines is what is tested

    words = wording_of(Heir)
    assert words.summary == "It is so, and stays so."
    assert words.fields == {
        "price": "In minor units; null without a `winner`.",
        "note": "For nobody.",
    }


def test_the_page_tells_of_every_type_and_its_links_lead_somewhere() -> None:
    page = reference()
    headings = re.findall(r"(?m)^#+ (.*)$", page)
    assert {entry.name for entry in entries()} <= set(headings)
    anchors = {heading.lower().replace(".", "").replace(" ", "-") for heading in headings}
    linked = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert linked
    assert linked <= anchors


def test_tables_are_not_broken_by_what_stands_in_them() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_the_page_shows_what_a_bidder_needs() -> None:
    page = reference()
    section = page.split("### mabeam.auction.bid_placed.v1\n")[1].split("###")[0]
    assert "Said by agents on `mabeam.{space}.session.{entity}.bid_placed.{actor}`." in section
    assert "| `amount` | whole number | yes | In minor units, 1 or more. |" in section
    section = page.split("### mabeam.auction.decided.v1\n")[1].split("###")[0]
    assert (
        "Said by coordinators on `mabeam.{space}.session.{entity}.decided.coordinator`." in section
    )
    bases = '`"own_bid"` or `"reserve"` or `"second_bid"` or null'
    assert f"| `price_basis` | {bases} | no: `null` |" in section
    assert "| `considered` | [Considered](#considered) | yes |" in section
