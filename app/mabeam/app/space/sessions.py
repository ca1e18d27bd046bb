"""The sessions of a space: open them, speak in them, await their decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar, cast

from mabeam.app.space.desk import Desk
from mabeam.core.asking import check_kind, milliseconds_of
from mabeam.core.auction.events import AuctionDecided, AuctionOpened, BidPlaced
from mabeam.core.consensus.events import BallotCast, ConsensusDecided, ConsensusOpened
from mabeam.core.decider import Entity
from mabeam.core.errors import NotFound, Rejected
from mabeam.core.policies import Policy
from mabeam.core.session.decider import SESSION, Cancel, Open
from mabeam.core.session.events import Decision, Opening, Participant, Speech, TieBreak, Visibility
from mabeam.core.session.protocol import protocol_of
from mabeam.core.session.state import SessionState
from mabeam.core.subjects import Boundary, check_name
from mabeam.core.variable.state import VariableState
from mabeam.core.variable.types import FloatType, IntegerType
from mabeam.projections.world import World

__all__ = ["Session", "Sessions"]

DecisionT = TypeVar("DecisionT", bound=Decision)


@dataclass(frozen=True, slots=True)
class Session(Generic[DecisionT]):
    """One session.

    Attributes:
        name: Its name in the space.
    """

    desk: Desk
    name: str

    @property
    def state(self) -> SessionState:
        """The session as it is now."""
        return self.desk.live.state.session(self.name).state

    async def say(self, speech: Speech, *, by: str) -> int:
        """Speak in the session; return the position of the word.

        Whether it counts is decided by where it stands: after the closing it is late, and
        from somebody who may not speak it is listed with that reason.

        Raises:
            Rejected: It could never count, such as a bid of 0, or a bid in a vote.
        """
        opening = self.state.opening
        if opening is not None:
            protocol = protocol_of(opening)
            check_kind(protocol, speech)
            protocol.check_speech(opening, speech)
        _, position = await self.desk.say(Boundary("session", self.name), speech, by)
        return position

    async def bid(self, amount: int, *, by: str, note: str = "") -> int:
        """Place a bid, in minor units.

        Raises:
            Rejected: The amount is out of range.
        """
        return await self.say(BidPlaced(amount=amount, note=note), by=by)

    async def cast(self, value: Decimal | float | str, *, by: str, note: str = "") -> int:
        """Cast a ballot for a number.

        Raises:
            Rejected: The value is no finite number.
        """
        return await self.say(BallotCast(value=_decimal("value", value), note=note), by=by)

    async def cancel(self, reason: str = "", *, by: str | None = None) -> None:
        """Take the question back.

        Raises:
            Rejected: The session has ended, or somebody else opened it.
        """
        command = Cancel(by or self.desk.identity, reason)
        await self.desk.command(Boundary("session", self.name), SESSION, self._entity, command, by)

    async def ended(self) -> SessionState:
        """Return the session once it has ended, in whatever way."""
        world = await self.desk.live.until(
            lambda world: world.session(self.name).state.phase == "ended"
        )
        return world.session(self.name).state

    async def decision(self) -> DecisionT:
        """Return the decision once there is one.

        Raises:
            NotFound: The session was cancelled or failed, so there will never be one.
        """
        state = await self.ended()
        if state.decision is None:
            raise NotFound(
                f"session {self.name!r} has no decision: {state.outcome}, {state.reason}"
            )
        return cast("DecisionT", state.decision)

    async def applied(self) -> VariableState:
        """Return the variable at stake once the decision has reached it.

        Raises:
            NotFound: There is no variable at stake, or no decision that could change one.
        """
        state = await self.ended()
        variable = "" if state.opening is None else state.opening.variable
        decided = state.outcome in {"decided", "default_taken"}
        if not variable or not decided:
            raise NotFound(f"session {self.name!r} changes no variable: {state.outcome}")
        world = await self.desk.live.until(
            lambda world: world.variable(variable).variable.state.decided_at >= state.decided_at
        )
        return world.variable(variable).variable.state

    def _entity(self, world: World) -> Entity[SessionState]:
        return world.session(self.name)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Open sessions and look them up."""

    desk: Desk

    async def open(
        self, opening: Opening, *, name: str | None = None, by: str | None = None
    ) -> Session[Any]:
        """Open a session of any protocol; the same opening again changes nothing.

        Raises:
            Rejected: The opening cannot be held, or another session has this name.
        """
        session: Session[Any] = Session(
            self.desk, check_name("entity", name or self.desk.ids.new_id())
        )
        boundary = Boundary("session", session.name)
        await self.desk.command(
            boundary, SESSION, lambda world: world.session(session.name), Open(opening), by
        )
        return session

    async def open_auction(  # noqa: PLR0913 - each is a choice of its own
        self,
        lot: str,
        *,
        reserve: int = 0,
        unit: str = "",
        bidders: Mapping[str, int] | Sequence[str] = (),
        open_for_seconds: float = 30.0,
        name: str | None = None,
        by: str | None = None,
        quorum: int = 0,
        tie_break: TieBreak = "canonical",
        visibility: Visibility = "open",
        variable: str = "",
        rule: Policy | str = "second_price",
    ) -> Session[AuctionDecided]:
        """Offer a lot for sealed bids.

        Args:
            lot: What is offered.
            reserve: Least price, in minor units.
            unit: What amounts are counted in, for people.
            bidders: Who may bid; empty for everybody. With a list, the auction closes as
                soon as all have bid.
            open_for_seconds: It closes after so long at the latest.
            name: Name of the session; a fresh id if None.
            by: Who opens it.
            quorum: Least total weight of bidders; below it the lot is not awarded.
            tie_break: How equal bids are parted: ``canonical``, ``earliest`` or ``refuse``.
            visibility: ``sealed`` asks readers not to look at bids before the closing;
                nothing keeps them from it.
            variable: The variable that becomes the winner's name.
            rule: Who wins and what the winner pays: ``second_price``, under which it is best to
                bid what the lot is worth; or another clearing rule.

        Raises:
            Rejected: A field is out of range, or another session has this name.
        """
        opening = AuctionOpened(
            lot=lot,
            reserve=reserve,
            unit=unit,
            participants=_participants(bidders),
            open_for_ms=milliseconds_of(open_for_seconds),
            quorum=quorum,
            tie_break=tie_break,
            visibility=visibility,
            variable=variable,
            rule=Policy(rule) if isinstance(rule, str) else rule,
        )
        return await self.open(opening, name=name, by=by)

    async def open_consensus(  # noqa: PLR0913 - each is a choice of its own
        self,
        *,
        variable: str = "",
        question: str = "",
        low: Decimal | float | str | None = None,
        high: Decimal | float | str | None = None,
        step: Decimal | float | str | None = None,
        default: Decimal | float | str | None = None,
        voters: Mapping[str, int] | Sequence[str] = (),
        open_for_seconds: float = 30.0,
        name: str | None = None,
        by: str | None = None,
        quorum: int = 0,
        rule: Policy | str = "weighted_mean",
    ) -> Session[ConsensusDecided]:
        """Ask for a number: what the rule makes of the ballots, clamped and on the step.

        Args:
            variable: The variable that the decision changes. Range and step are taken
                from its type where they are not given.
            question: What is asked, for people.
            low: Least outcome.
            high: Greatest outcome.
            step: Grid of the outcome from ``low``.
            default: Taken when the quorum is missed.
            voters: Who may vote and with what weight; empty for everybody with weight 1.
            open_for_seconds: It closes after so long at the latest.
            name: Name of the session; a fresh id if None.
            by: Who opens it.
            quorum: Least total weight of voters; below it the default is taken.
            rule: ``weighted_mean``, ``median`` or ``trimmed_mean``, with parameters as a
                `Policy`; see `mabeam.core.consensus.tallies`.

        Raises:
            Rejected: The range is missing or a field contradicts another.
        """
        declaration = self.desk.live.state.variable(variable).variable.state.declaration
        if declaration is not None and isinstance(declaration.type, FloatType | IntegerType):
            type_ = declaration.type
            low = type_.low if low is None else low
            high = type_.high if high is None else high
            step = type_.step if step is None else step
        if low is None or high is None:
            raise Rejected(
                "consensus.range",
                "no range is given, nor a numeric variable to take it from",
                field="low, high",
                value=f"{low}, {high}",
                allowed="two numbers",
            )
        opening = ConsensusOpened(
            question=question,
            low=_decimal("low", low),
            high=_decimal("high", high),
            step=None if step is None else _decimal("step", step),
            default=None if default is None else _decimal("default", default),
            variable=variable,
            participants=_participants(voters),
            open_for_ms=milliseconds_of(open_for_seconds),
            quorum=quorum,
            rule=Policy(rule) if isinstance(rule, str) else rule,
        )
        return await self.open(opening, name=name, by=by)

    def get(self, name: str) -> Session[Any]:
        """Return a session that was opened before.

        Raises:
            NotFound: There is none of that name.
        """
        if name not in self.desk.live.state.sessions:
            raise NotFound(f"no session {name!r} in space {self.desk.store.space!r}")
        return Session(self.desk, name)

    def all(self) -> dict[str, SessionState]:
        """Return every session, the earliest first."""
        found = self.desk.live.state.sessions
        states = ((name, found[name].state) for name in sorted(found))
        return dict(sorted(states, key=lambda item: item[1].opened_at))


def _participants(given: Mapping[str, int] | Sequence[str]) -> tuple[Participant, ...]:
    if isinstance(given, Mapping):
        return tuple(Participant(agent, weight) for agent, weight in given.items())
    return tuple(Participant(agent) for agent in given)


def _decimal(field: str, number: Decimal | float | str) -> Decimal:
    try:
        return Decimal(str(number))
    except ArithmeticError as error:
        raise Rejected(
            "consensus.number", "no number", field=field, value=number, allowed="a decimal number"
        ) from error
