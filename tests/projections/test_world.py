"""The state of a whole space."""

from __future__ import annotations

import pytest

from mabeam.core.agent.events import Registered
from mabeam.core.auction.events import AuctionOpened
from mabeam.core.envelope import Envelope, decode, encode, envelope_of, wire_subject
from mabeam.core.subjects import Boundary
from mabeam.projections.world import UNREADABLE_KEPT, WORLD, World, fingerprint, plain

TASK = Boundary("session", "task")


def recorded(*bodies: tuple[str, bytes]) -> World:
    return WORLD.fold(
        decode(position, 1_000 * position, subject, body)
        for position, (subject, body) in enumerate(bodies, start=1)
    )


def wire(event: Envelope) -> tuple[str, bytes]:
    return wire_subject("team", event), encode(event, 1_000_000)


OPENED = wire(envelope_of(AuctionOpened(lot="x"), TASK, source="/agents/boss", id="1"))
NONSENSE = {
    "garbage": ("mabeam.team.session.task.bid_placed.coder", b"{"),
    "wrong type": (
        "mabeam.team.session.task.bid_placed.coder",
        (
            b'{"specversion":"1.0","id":"2","source":"/agents/coder","subject":"session/task",'
            b'"type":"mabeam.auction.bid_placed.v1","data":{"amount":"x"}}'
        ),
    ),
}
FOREIGN = (
    "mabeam.team.build.7.finished.ci",
    b'{"specversion":"1.0","id":"3","source":"/ci","type":"com.example.finished"}',
)


@pytest.mark.parametrize("name", NONSENSE)
def test_what_nobody_can_read_is_counted_and_moves_only_the_boundary(name: str) -> None:
    before, after = recorded(OPENED), recorded(OPENED, NONSENSE[name])
    assert after.unreadable.count == 1
    assert after.unreadable.latest[0][0] == 2
    assert after.session("task").state == before.session("task").state
    assert after.session("task").position == 2


def test_an_event_of_a_type_that_nobody_registered_is_no_trouble() -> None:
    world = recorded(FOREIGN)
    assert (world.position, world.unreadable.count) == (1, 0)


def test_only_the_latest_unreadable_events_are_kept() -> None:
    world = recorded(*[NONSENSE["garbage"]] * (UNREADABLE_KEPT + 5))
    assert world.unreadable.count == UNREADABLE_KEPT + 5
    assert world.unreadable.latest[0][0] == 6


def test_each_kind_goes_to_its_registry() -> None:
    agent = envelope_of(Registered(), Boundary("agent", "a"), source="/agents/a", id="4")
    world = recorded(OPENED, wire(agent))
    assert (list(world.sessions), list(world.agents)) == (["task"], ["a"])
    assert world.session("nothing").position == 0
    assert world.variable("nothing").variable.state.declaration is None


def test_equal_states_have_equal_fingerprints_and_others_do_not() -> None:
    assert fingerprint(recorded(OPENED)) == fingerprint(recorded(OPENED))
    assert fingerprint(recorded(OPENED)) != fingerprint(recorded(OPENED, FOREIGN))


def test_a_state_in_plain_form_has_names_for_everything() -> None:
    shown = plain(recorded(OPENED))
    assert shown["sessions"]["task"]["state"]["phase"] == "open"


def test_what_is_no_state_has_no_plain_form() -> None:
    with pytest.raises(NotImplementedError, match="object has no plain form"):
        plain(object())
