"""What is shipped for tests is itself tested, above all that it can fail."""

from __future__ import annotations

import doctest
import pkgutil
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec
import pytest

from mabeam.core import testing
from mabeam.core.agent import (
    AGENT,
    AgentState,
    Deregister,
    Deregistered,
    HandlerFailed,
    Register,
    Registered,
    Suspend,
    Suspended,
)
from mabeam.core.auction import AuctionOpened
from mabeam.core.decider import Decider, Entity, fold
from mabeam.core.envelope import Recorded
from mabeam.core.events import Event, event_type
from mabeam.core.policies import Policy
from mabeam.core.reactor import NOTHING, Append, Effects, Part, Reactor, Send, Timer
from mabeam.core.subjects import Boundary
from mabeam.core.testing import (
    Reaction,
    deciding_is_a_function,
    events_survive_the_wire,
    evolving_is_total,
    folding_can_be_interrupted,
    given,
    history,
    reacting_ends,
    repeating_a_command_changes_nothing,
    repeating_events_changes_nothing,
    said,
    scenario,
)

IT = Boundary("agent", "it")
PAST = history(Registered(role="executor"), Suspended(reason="late"), Deregistered())


def fails(*texts: str) -> pytest.RaisesExc[AssertionError]:
    """Expect an assertion whose text shows all of these."""
    return pytest.RaisesExc(
        AssertionError, check=lambda error: all(text in str(error) for text in texts)
    )


@pytest.mark.parametrize(
    "module",
    [found.name for found in pkgutil.iter_modules(testing.__path__, "mabeam.core.testing.")],
)
def test_the_examples_in_the_docstrings_are_true(module: str) -> None:
    assert doctest.testmod(__import__(module, fromlist=["*"])).failed == 0


def test_there_are_examples_in_the_docstrings() -> None:
    found = doctest.DocTestFinder().find(scenario)
    assert sum(len(one.examples) for one in found) > 5


class TestHistory:
    def test_positions_count_from_one_and_times_go_with_them(self) -> None:
        assert [(one.position, one.recorded_ns) for one in PAST] == [
            (1, 1_000_000_000),
            (2, 2_000_000_000),
            (3, 3_000_000_000),
        ]

    def test_a_bare_payload_is_said_by_the_coordinator(self) -> None:
        assert PAST[0].actor == "coordinator"
        assert PAST[0].envelope.source == "/protocols/coordinator"

    def test_speaker_time_id_and_entity_can_be_stated(self) -> None:
        one = said(Deregistered(), "ann", at_ns=7, id="mine", about=Boundary("agent", "bob"))
        (found,) = history(one, after=4)
        assert (found.position, found.actor, found.recorded_ns, found.id, str(found.boundary)) == (
            5,
            "ann",
            7,
            "mine",
            "agent/bob",
        )

    def test_what_is_recorded_already_is_taken_as_it_is(self) -> None:
        assert history(*PAST) == PAST


class TestVerdicts:
    def test_the_expected_events_pass(self) -> None:
        given(AGENT, *PAST).when(Register()).then(Registered(role="executor"))

    def test_other_events_fail_and_both_are_shown(self) -> None:
        with fails("role='executor'", "role='monitor'"):
            given(AGENT).when(Register()).then(Registered(role="monitor"))

    def test_events_that_are_equal_only_to_python_fail(self) -> None:
        decider: Decider[int, int] = Decider(0, lambda _, __: (Tried(times=1),), lambda s, _: s)
        with fails("times=1", "times=True"):
            given(decider).when(0).then(Tried(times=True))

    def test_events_that_differ_deep_inside_fail(self) -> None:
        decider: Decider[int, int] = Decider(0, lambda _, __: (deep(1),), lambda s, _: s)
        given(decider).when(0).then(deep(1))
        with fails("1.0"):
            given(decider).when(0).then(deep(1.0))

    def test_equal_events_pass_though_one_was_given_a_default(self) -> None:
        """They may even be written otherwise: defaults are left out by identity."""
        spoken = AuctionOpened(lot="x", open_for_ms=int("30000"))
        decider: Decider[int, int] = Decider(0, lambda _, __: (spoken,), lambda s, _: s)
        assert msgspec.json.encode(spoken) != msgspec.json.encode(AuctionOpened(lot="x"))
        given(decider).when(0).then(AuctionOpened(lot="x"))

    def test_a_refusal_where_events_are_expected_fails_and_says_why(self) -> None:
        with fails("agent.unknown", "nothing"):
            given(AGENT).when(Suspend()).then_nothing()

    def test_events_where_nothing_is_expected_fail(self) -> None:
        with fails("Registered", "nothing"):
            given(AGENT).when(Register()).then_nothing()

    def test_an_expected_refusal_is_returned(self) -> None:
        refusal = given(AGENT).when(Suspend()).then_rejected("agent.unknown", field="status")
        assert refusal.allowed == "active, suspended"

    def test_no_refusal_where_one_is_expected_fails(self) -> None:
        with fails("nothing", "agent.unknown"):
            given(AGENT).when(Deregister()).then_rejected("agent.unknown")

    def test_another_rule_or_field_than_expected_fails(self) -> None:
        with fails("agent.unknown", "agent.registered"):
            given(AGENT).when(Suspend()).then_rejected("agent.registered")
        with fails("status", "role"):
            given(AGENT).when(Suspend()).then_rejected("agent.unknown", field="role")


def deep(number: float) -> Event:
    """Return an event with a number in a map in a tuple."""
    return AuctionOpened(lot="x", rule=Policy("x", 1, {"a": (number, 2)}))


class Ask(msgspec.Struct, frozen=True):
    """A command from one reactor to another."""


SEND = Send("event-1", Boundary("agent", "bob"), Ask())


def _greet(name: str, agent: Entity[AgentState], now_ns: int) -> Effects:
    """Suspend an agent that is here, or wait for it and tell bob."""
    if agent.state.status == "active":
        part = Part(Boundary("agent", name), agent.position, (Suspended(reason=str(now_ns)),))
        return Effects(append=(Append("event-1", (part,)),))
    if agent.state.status == "unknown":
        return Effects(send=(SEND,), schedule=(Timer(Boundary("agent", name), 9),))
    return NOTHING


GREETER: Reactor[Entity[AgentState]] = Reactor(
    "greeter", "agent", _greet, lambda name, agent, _: _greet(name, agent, 0)
)


def _look(_: str, seen: tuple[str, Entity[AgentState]], now_ns: int) -> Effects:
    return _greet(seen[0], seen[1], now_ns)


def _hear(_: str, seen: tuple[str, Entity[AgentState]], __: Send) -> Effects:
    return _greet(seen[0], seen[1], 0)


# The same, for a view that holds more than the entity.
VIEWER: Reactor[tuple[str, Entity[AgentState]]] = Reactor("viewer", "agent", _look, _hear)


def _view(entity: Entity[AgentState]) -> tuple[str, Entity[AgentState]]:
    return ("bob", entity)


class TestReactions:
    def test_appends_are_compared(self) -> None:
        reaction = given(AGENT, Registered()).when_reacting(GREETER, "ann", now_ns=5)
        reaction.then_appends(Suspended(reason="5")).then_sends().then_schedules()
        assert reaction.parts == (Part(Boundary("agent", "ann"), 1, (Suspended(reason="5"),)),)
        with fails("reason='5'", "reason='6'"):
            reaction.then_appends(Suspended(reason="6"))
        with fails("reason='5'", "nothing"):
            reaction.then_nothing()

    def test_sends_and_timers_are_compared(self) -> None:
        reaction = given(AGENT).when_reacting(GREETER, "ann")
        reaction.then_appends().then_sends((SEND.boundary, Ask())).then_schedules(9)
        reaction.then_schedules(Timer(Boundary("agent", "ann"), 9))
        with fails("agent", "bob", "ann"):
            reaction.then_sends((Boundary("agent", "ann"), Ask()))
        with fails("due_ns=9", "due_ns=8"):
            reaction.then_schedules(8)

    def test_nothing_is_nothing_of_any_kind(self) -> None:
        given(AGENT, Registered(), Suspended()).when_reacting(GREETER).then_nothing()
        for effects in (
            Effects(append=(Append("c", (Part(IT, 0, (Suspended(),)),)),)),
            Effects(send=(SEND,)),
            Effects(schedule=(Timer(IT, 1),)),
        ):
            with fails("nothing"):
                Reaction(IT, effects).then_nothing()

    def test_a_command_of_another_reactor_is_received(self) -> None:
        given(AGENT, Registered()).when_receiving(GREETER, SEND).then_appends(Suspended(reason="0"))

    def test_a_reactor_may_look_at_more_than_the_entity(self) -> None:
        agent = given(AGENT, Registered())
        reacting = agent.when_reacting(VIEWER, now_ns=3, view=_view)
        assert reacting.then_appends(Suspended(reason="3")).parts[0].boundary.entity == "bob"
        agent.when_receiving(VIEWER, SEND, view=_view).then_appends(Suspended(reason="0"))


@event_type("test.tried.v1", kind="trial")
class Tried(Event, frozen=True, kw_only=True):
    """Something was tried.

    Attributes:
        times: How often.
    """

    times: int | float


@event_type("test.untrue.v1", kind="trial")
class Untrue(Event, frozen=True, kw_only=True):
    """Something was measured.

    Attributes:
        sure: As a fraction; a whole number is read back as another type.
    """

    sure: float


class TestLawsOfDeciders:
    def test_agents_keep_all_of_them(self) -> None:
        deciding_is_a_function(AGENT, PAST, Register())
        deciding_is_a_function(AGENT, PAST, Suspend())
        evolving_is_total(AGENT, PAST)
        folding_can_be_interrupted(AGENT, PAST)
        repeating_a_command_changes_nothing(AGENT, PAST, Register())
        repeating_a_command_changes_nothing(AGENT, PAST, Suspend())
        events_survive_the_wire([one.data for one in PAST])

    def test_a_decision_that_changes_its_mind_is_found_out(self) -> None:
        answers: Iterator[tuple[Event, ...]] = iter([(), (Suspended(),)])

        def decide(_: object, __: object) -> tuple[Event, ...]:
            return next(answers)

        with fails("same state", "Suspended"):
            deciding_is_a_function(replace(AGENT, decide=decide), PAST, Suspend())

    def test_a_decision_by_the_identity_of_the_state_is_found_out(self) -> None:
        first: list[AgentState] = []

        def decide(_: object, state: AgentState) -> tuple[Event, ...]:
            first.append(state)
            return () if state is first[0] else (Suspended(),)

        with fails("equal state"):
            deciding_is_a_function(replace(AGENT, decide=decide), PAST, Suspend())

    def test_a_decision_that_changes_the_state_is_found_out(self) -> None:
        def decide(_: object, state: AgentState) -> tuple[Event, ...]:
            state.metadata["asked"] = "yes"
            return ()

        with fails("changed the state", "asked"):
            deciding_is_a_function(replace(AGENT, decide=decide), history(Registered()), Suspend())

    def test_a_fold_that_refuses_a_fact_is_found_out(self) -> None:
        def evolve(state: AgentState, recorded: Recorded) -> AgentState:
            if isinstance(recorded.data, Suspended) and not state.is_registered:
                raise ValueError("not here")
            return AGENT.evolve(state, recorded)

        with fails("event-2", "was refused by", "unknown"):
            evolving_is_total(replace(AGENT, evolve=evolve), PAST)

    def test_a_fold_that_depends_on_more_than_state_and_event_is_found_out(self) -> None:
        counted = iter(range(1000))

        def evolve(state: AgentState, _: Recorded) -> AgentState:
            return msgspec.structs.replace(state, failures=next(counted))

        with fails("the first 1 differs"):
            folding_can_be_interrupted(replace(AGENT, evolve=evolve), PAST)

    def test_a_fold_that_ends_otherwise_when_interrupted_is_found_out(self) -> None:
        asked: list[Recorded] = []

        def evolve(state: AgentState, recorded: Recorded) -> AgentState:
            asked.append(recorded)
            return msgspec.structs.replace(state, failures=min(len(asked), 2))

        with fails("another state"):
            folding_can_be_interrupted(replace(AGENT, evolve=evolve), PAST[:1])

    def test_a_command_that_takes_effect_twice_is_found_out(self) -> None:
        def decide(_: object, __: object) -> tuple[Event, ...]:
            return (Suspended(),)

        with fails("repeated", "Suspended"):
            repeating_a_command_changes_nothing(replace(AGENT, decide=decide), PAST, Suspend())

    def test_an_event_that_reads_otherwise_than_written_is_found_out(self) -> None:
        events_survive_the_wire([Tried(times=1), Tried(times=0.5)])
        with fails("other event", "sure=1.0", "sure=1)"):
            events_survive_the_wire([Tried(times=1), Untrue(sure=1)])

    def test_an_event_that_counts_twice_is_found_out(self) -> None:
        def failures(state: AgentState) -> object:
            return state.failures

        def status(state: AgentState) -> object:
            return state.status

        failed = HandlerFailed(handler="h", event="e", error="E", message="m")
        past = [Registered(), failed]
        repeating_events_changes_nothing(AGENT, past, status, ["ann", "ann"])
        with fails("HandlerFailed", "repeated at position 3", "2", "expected: 1"):
            repeating_events_changes_nothing(AGENT, past, failures, ["ann", "ann"])


def _agent(log: Sequence[Recorded]) -> Entity[AgentState]:
    return fold(AGENT, log)


def _appending(*parts: Part) -> Reactor[Entity[AgentState]]:
    effects = Effects(append=(Append("cause", parts),))

    def react(_: str, __: Entity[AgentState], ___: int) -> Effects:
        return effects

    return replace(GREETER, react=react)


class TestLawsOfReactors:
    def test_a_reactor_that_comes_to_rest_returns_what_then_is(self) -> None:
        log = reacting_ends(GREETER, _agent, history(Registered()), "it", now_ns=3)
        assert [one.data for one in log] == [Registered(), Suspended(reason="3")]
        assert (log[1].position, log[1].actor, log[1].boundary) == (2, "coordinator", IT)

    def test_effects_may_begin_a_log(self) -> None:
        part = Part(IT, 0, (Registered(),))

        def begin(_: str, agent: Entity[AgentState], __: int) -> Effects:
            return NOTHING if agent.position else Effects(append=(Append("cause", (part,)),))

        (begun,) = reacting_ends(replace(GREETER, react=begin), _agent, (), "it")
        assert begun.position == 1

    def test_a_reactor_that_never_rests_is_found_out(self) -> None:
        def restless(_: str, agent: Entity[AgentState], __: int) -> Effects:
            part = Part(IT, agent.position, (Suspended(),))
            return Effects(append=(Append(f"cause-{agent.position}", (part,)),))

        with fails("after 5 answers", "Suspended"):
            reacting_ends(replace(GREETER, react=restless), _agent, PAST, "it", rounds_max=5)

    def test_an_expectation_beside_the_log_is_found_out(self) -> None:
        with fails("position of agent/it", "2", "3"):
            reacting_ends(_appending(Part(IT, 2, (Suspended(),))), _agent, PAST, "it")

    def test_an_id_given_twice_is_found_out(self) -> None:
        """A log would take the second event for a repetition and record nothing, for ever."""

        def repetitive(_: str, agent: Entity[AgentState], __: int) -> Effects:
            part = Part(IT, agent.position, (Suspended(),))
            return Effects(append=(Append("cause", (part,)),))

        with fails("of this id already", "Suspended"):
            reacting_ends(replace(GREETER, react=repetitive), _agent, PAST, "it")


def test_texts_show_one_thing_on_a_line() -> None:
    shown = re.compile(r"other events: \n  \w+\(.*\)\nexpected: nothing")
    with pytest.raises(AssertionError, match=shown):
        given(AGENT).when(Register()).then_nothing()
