"""Events in words."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from mabeam.app.telling import asides, shown, tell, type_in_words
from mabeam.core.agent.events import (
    Deregistered,
    HandlerFailed,
    Registered,
    Resumed,
    Suspended,
    Updated,
)
from mabeam.core.auction.events import AuctionDecided, AuctionOpened, BidPlaced
from mabeam.core.bundle_exchange import (
    BundleOrder,
    BundlesExchanged,
    ExchangeOpened,
    OrdersPlaced,
)
from mabeam.core.bundle_exchange.events import BundleTrade
from mabeam.core.combinatorial import (
    Award,
    BidsPlaced,
    Bundle,
    BundlesAwarded,
    BundlesOffered,
    Economy,
    Good,
    Payment,
)
from mabeam.core.consensus.events import (
    BallotCast,
    ConsensusDecided,
    ConsensusOpened,
    Contribution,
)
from mabeam.core.envelope import Recorded, decode, encode, envelope_of, wire_subject
from mabeam.core.events import Event, EventType, registered
from mabeam.core.policies import Policy
from mabeam.core.session.events import (
    Alternative,
    Cancelled,
    ChildEnded,
    Closed,
    Considered,
    Failed,
    Participant,
)
from mabeam.core.subjects import Boundary
from mabeam.core.testing.samples import samples
from mabeam.core.variable.constraint import ConstraintChecked, ConstraintDeclared
from mabeam.core.variable.constraints import Condition, Implies, Linear
from mabeam.core.variable.events import (
    Affirmed,
    Candidate,
    Changed,
    ConflictDetected,
    ConflictResolved,
    Constrained,
    Declared,
    Features,
    Proposed,
    Refused,
    ResolutionChosen,
)
from mabeam.core.variable.types import (
    AllocationType,
    BooleanType,
    ChoiceType,
    CompositeType,
    FloatType,
    IntegerType,
    ModuleType,
    ScheduleType,
    TextType,
    VariableType,
)

PRICE = Policy("second_price")
MEAN = Policy("weighted_mean")
CONSIDERED = Considered(1, 9)


def recorded(event: Event, kind: str = "session", entity: str = "s") -> Recorded:
    envelope = envelope_of(event, Boundary(kind, entity), source="/agents/a", id="e")
    return decode(1, 0, wire_subject("team", envelope), encode(envelope, 10**6))


SAID: list[tuple[Event, str]] = [
    (Registered(role="executor"), "registers as executor"),
    (Registered(role="x", capabilities=("a", "b")), "registers as x (a, b)"),
    (Updated(role="x"), "is now x"),
    (Suspended(reason="lunch"), "is suspended (lunch)"),
    (Resumed(), "takes part again"),
    (Deregistered(), "leaves"),
    (
        HandlerFailed(handler="bid", event="e", error="ValueError", message="no"),
        "failed in its handler bid: ValueError: no",
    ),
    (AuctionOpened(lot="x"), "offers 'x'"),
    (
        AuctionOpened(
            lot="x",
            reserve=1000,
            unit="credits",
            participants=(Participant("a"), Participant("b"), Participant("c", 2)),
        ),
        "offers 'x' to a, b and c x2, reserve 1,000 credits",
    ),
    (BidPlaced(amount=1200, note="fair"), "bids 1,200 (fair)"),
    (
        AuctionDecided(
            outcome="decided",
            rule=PRICE,
            considered=CONSIDERED,
            lot="x",
            winner="a",
            price=7,
            price_basis="second_bid",
        ),
        "awards it to a at 7, the second-highest bid",
    ),
    (
        AuctionDecided(
            outcome="decided",
            rule=PRICE,
            considered=CONSIDERED,
            lot="x",
            winner="a",
            price=0,
            price_basis="reserve",
        ),
        "awards it to a at 0, the reserve",
    ),
    (
        AuctionDecided(outcome="tie_unresolved", rule=PRICE, considered=CONSIDERED, lot="x"),
        "awards it to nobody: a tie was left unresolved",
    ),
    (
        ConsensusOpened(low=Decimal("0.0"), high=Decimal(1), step=Decimal("0.05"), question="t?"),
        "asks: t?, 0 to 1 in steps of 0.05",
    ),
    (
        ConsensusOpened(low=Decimal(0), high=Decimal(100), variable="x"),
        "asks: x, 0 to 100",
    ),
    (
        ConsensusOpened(
            low=Decimal("sNaN"), high=Decimal("1e999999999"), step=Decimal(10), question="t?"
        ),
        "asks: t?, sNaN to 1E+999999999 in steps of 10",
    ),
    (BallotCast(value=Decimal("0.3")), "votes 0.3"),
    (
        ConsensusDecided(
            outcome="decided",
            rule=MEAN,
            considered=CONSIDERED,
            value=Decimal("0.3"),
            contributions=(
                Contribution("a", 1, Decimal("0.5"), 2),
                Contribution("b", 2, Decimal("0.25"), 3),
            ),
            mean="1/3",
        ),
        "decides 0.3: (1 x 0.5 + 2 x 0.25) / 3 = 0.3333",
    ),
    (
        ConsensusDecided(
            outcome="default_taken", rule=MEAN, considered=CONSIDERED, value=Decimal(5)
        ),
        "decides 5, because the quorum was missed, so the default holds",
    ),
    (
        ConsensusDecided(outcome="no_quorum", rule=MEAN, considered=CONSIDERED),
        "decides nothing: the quorum was missed",
    ),
    (Closed(reason="complete"), "closes it: all have spoken"),
    (Closed(reason="deadline"), "closes it: time is up"),
    (
        ChildEnded(child="s", outcome="decided", result="7"),
        "hears that s has ended: decided, it came to 7",
    ),
    (ChildEnded(child="s", outcome="no_quorum"), "hears that s has ended: no quorum"),
    (Cancelled(reason="oops"), "takes it back (oops)"),
    (Failed(code="c", detail="no such rule"), "ends it, for it cannot be held: no such rule"),
]

CANDIDATES = (Candidate("p", "a", 1, 5, 4), Candidate("q", "b", 2, 6, 4))
SAID_OF_VARIABLES: list[tuple[Event, str]] = [
    (
        Declared(type=FloatType(0, 1, 0.1), update="coordinated"),
        "declares x: a number from 0 to 1 in steps of 0.1, at first 0; only sessions change it",
    ),
    (
        Declared(type=BooleanType(), on_conflict=Policy("weighted_merge", version=2)),
        "declares x: true or false, at first false; conflicts go by weighted merge, version 2",
    ),
    (
        Declared(type=AllocationType(1000), on_conflict=Policy("priority"), on_violation="resolve"),
        (
            "declares x: shares of 1,000, at first {}; what breaks a constraint is a conflict; "
            "conflicts go by priority"
        ),
    ),
    (
        Declared(type=AllocationType(9, exclusive=True)),
        "declares x: shares of 9, for one agent at a time, at first {}",
    ),
    (Declared(type=ScheduleType(9, 17)), "declares x: slots from 9 to 17, at first {}"),
    (Affirmed(proposal="p", by="a", base=4), "finds that x is already what a wants"),
    (
        Changed(value=2, previous=1, base=0, by="a", merged=True),
        "changes x from 1 to 2, with the parts that a has proposed",
    ),
    (
        ConflictDetected(
            conflict="q",
            base=4,
            candidates=(Candidate("", "", 1, 5, 4), CANDIDATES[1]),
            features=Features(1, 2, 2, 2),
            kind="constraint_violation",
            detail="constraint k: x = 2, allowed: x < 2",
        ),
        "sees a broken constraint over x: now 1 against b 2, constraint k: x = 2, allowed: x < 2",
    ),
    (
        ResolutionChosen(
            conflict="q",
            chosen=Policy("auction"),
            eligible=(),
            propensities=(),
            session="conflict-1",
        ),
        "resolves the conflict over x by auction, in the session conflict-1",
    ),
    (
        ResolutionChosen(
            conflict="q",
            chosen=Policy("priority"),
            eligible=(),
            propensities=(),
            follows="conflict-1",
        ),
        "resolves the conflict over x by priority, as conflict-1 has come to nothing",
    ),
    (
        ConflictResolved(conflict="q", value=2, winner="b", session="s", reason="r"),
        "comes to x = 2, as b wants, as the session s has decided (r)",
    ),
    (Constrained(constraint="k"), "binds x by the constraint k"),
    (Proposed(value="text", reason="why"), "wants x = text (why)"),
    (Changed(value=2, previous=1, base=0, by="a"), "changes x from 1 to 2, proposed by a"),
    (Changed(value=2, previous=1, base=0, session="s"), "changes x from 1 to 2, decided by s"),
    (
        Changed(value=2, previous=1, base=0, conflict="c", by="a"),
        "changes x from 1 to 2, the conflict is settled",
    ),
    (
        Refused(code="c", detail="d", field="x", value="9", allowed="0 to 5", by="a"),
        "refuses a: x = 9, allowed: 0 to 5",
    ),
    (Refused(code="c", detail="d", session="s"), "refuses s: x: d"),
    (Refused(code="c", detail="d", conflict="k"), "refuses the resolution: x: d"),
    (
        ConflictDetected(
            conflict="q", base=4, candidates=CANDIDATES, features=Features(1, 2, 2, 2)
        ),
        "sees a conflict over x: a 1 against b 2, from position 4",
    ),
    (
        ResolutionChosen(conflict="q", chosen=Policy("priority"), eligible=(), propensities=()),
        "resolves the conflict over x by priority",
    ),
    (
        ConflictResolved(conflict="q", value=2, winner="b", reason="priority 3 against a 1"),
        "comes to x = 2, as b wants (priority 3 against a 1)",
    ),
    (ConflictResolved(conflict="q", value=2), "comes to x = 2"),
    (
        ConstraintDeclared(
            constraint=Linear(weights={"a": 1, "b": 2}, relation="<=", bound=9.0), values={}
        ),
        "declares x: a + 2 x b <= 9",
    ),
    (
        ConstraintDeclared(
            constraint=Implies(
                (Condition("a", "==", "on"),), (Condition("b", ">", 1), Condition("c", "<", 2))
            ),
            values={},
        ),
        "declares x: b > 1 and c < 2 whenever a == on",
    ),
    (ConstraintChecked(variable="a", value=3), "finds x kept by a = 3"),
]


PRICED = Economy(value=140, bound=140, proof="prices")
SAID_OF_BUNDLES: list[tuple[Event, str]] = [
    (
        BundlesOffered(goods=(Good("gpu", 2), Good("disk"))),
        "offers in bundles: 2 gpu + disk",
    ),
    (
        BidsPlaced(bundles=(Bundle({"gpu": 2}, 1500), Bundle({"disk": 1}, 7)), note="either"),
        "bids 1,500 for 2 gpu or else 7 for disk (either)",
    ),
    (BidsPlaced(bundles=()), "bids nothing"),
    (
        BundlesAwarded(
            outcome="decided",
            rule=Policy("vcg"),
            considered=Considered(1, 2),
            awards=(Award("ann", 0, {"gpu": 2}, 140),),
            payments=(Payment("ann", "15/2"),),
            pricing="vcg",
            main=PRICED,
        ),
        (
            "awards: ann gets 2 gpu; worth 140, which prices prove to be the best; "
            "VCG payments: ann pays 15/2"
        ),
    ),
    (
        BundlesAwarded(outcome="no_quorum", rule=Policy("vcg"), considered=Considered(1, 2)),
        "sells nothing",
    ),
    (ExchangeOpened(goods=("A", "B")), "opens an exchange for bundles of A and B"),
    (
        OrdersPlaced(orders=(BundleOrder("sell", {"A": 1}, 3), BundleOrder("buy", {"B": 2}, 4))),
        "would sell A for 3 or also buy 2 B for 4",
    ),
    (
        BundlesExchanged(
            outcome="decided",
            rule=Policy("threshold"),
            considered=Considered(1, 2),
            trades=(
                BundleTrade("ann", 0, "sell", {"A": 1}, 3),
                BundleTrade("ben", 0, "buy", {"A": 1}, 9),
            ),
            payments=(Payment("ann", "-6"), Payment("ben", "6")),
            main=Economy(value=6, bound=8),
        ),
        (
            "trades: ann sells A and ben buys A; worth 6, and no more than 8 is possible; "
            "ann gets 6 and ben pays 6"
        ),
    ),
    (
        BundlesExchanged(
            outcome="no_quorum", rule=Policy("threshold"), considered=Considered(1, 2)
        ),
        "lets nobody trade",
    ),
]


@pytest.mark.parametrize(("event", "words"), SAID_OF_BUNDLES, ids=[w for _, w in SAID_OF_BUNDLES])
def test_bundles_are_told_with_how_they_are_known_to_be_the_best(event: Event, words: str) -> None:
    assert tell(recorded(event)) == words


@pytest.mark.parametrize(("event", "words"), SAID, ids=[words for _, words in SAID])
def test_an_event_is_half_a_sentence_after_its_actor(event: Event, words: str) -> None:
    assert tell(recorded(event)) == words


@pytest.mark.parametrize(
    ("event", "words"),
    SAID_OF_VARIABLES,
    ids=[words for _, words in SAID_OF_VARIABLES],
)
def test_an_event_of_a_variable_names_it(event: Event, words: str) -> None:
    assert tell(recorded(event, "variable", "x")) == words


OWN = [known for known in registered() if known.name.startswith("mabeam.")]


@pytest.mark.parametrize("known", OWN, ids=[known.name for known in OWN])
def test_every_type_of_mabeam_s_has_words_of_its_own(known: EventType) -> None:
    for event in samples(known.struct):
        # Texts and numbers of a sample are made up; a fraction is one of these.
        written = {"mean": "3/2"} if hasattr(event, "mean") else {}
        told = tell(recorded(msgspec.structs.replace(event, **written), known.kind))
        assert not told.startswith((known.struct.__name__, known.name))


def test_an_unknown_type_is_told_by_its_name_and_data() -> None:
    envelope = envelope_of(Registered(), Boundary("note", "n"), source="/agents/a", id="e")
    other = msgspec.structs.replace(
        envelope, type="com.example.note", data=msgspec.Raw(b'{"text":"hi"}')
    )
    found = decode(1, 0, wire_subject("team", other), encode(other, 1_000))
    assert tell(found) == 'com.example.note {"text":"hi"}'
    bare = msgspec.structs.replace(other, data=msgspec.UNSET)
    assert tell(decode(1, 0, wire_subject("team", bare), encode(bare, 1_000))) == "com.example.note"
    assert asides(found) == []


def test_what_nobody_can_read_is_told_as_such() -> None:
    found = decode(7, 0, "mabeam.team.note.n.note.a", b"no json")
    assert tell(found).startswith("says what nobody can read: malformed event at position 7")
    assert asides(found) == []


def test_a_decision_tells_who_did_not_get_their_way_and_why() -> None:
    decided = AuctionDecided(
        outcome="decided",
        rule=PRICE,
        considered=CONSIDERED,
        lot="x",
        winner="a",
        price=5,
        alternatives=(
            Alternative("b", "5", 3, "outbid"),
            Alternative("c", "1", 4, "below_reserve"),
            Alternative("d", "x", 5, "invalid: no such amount"),
        ),
    )
    assert asides(recorded(decided)) == [
        "b lost with 5: outbid",
        "c lost with 1: below the reserve",
        "d lost with x: invalid: no such amount",
    ]
    voted = ConsensusDecided(
        outcome="no_quorum",
        rule=MEAN,
        considered=CONSIDERED,
        alternatives=(Alternative("b", "0.5", 3, "no_quorum"),),
    )
    assert asides(recorded(voted)) == ["b said 0.5: the quorum was missed"]
    assert asides(recorded(BidPlaced(amount=1))) == []


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (IntegerType(0, 9), "a whole number from 0 to 9"),
        (IntegerType(0, 9, 3), "a whole number from 0 to 9 in steps of 3"),
        (FloatType(0.5, 1), "a number from 0.5 to 1"),
        (ChoiceType(("a", "b", "c")), "one of a, b or c"),
        (ChoiceType(("a",)), "one of a"),
        (ModuleType(("m:A", "m:B")), "the module m:A or m:B"),
        (TextType(1_000), "text of at most 1,000 characters"),
        (CompositeType({"b": BooleanType(), "a": BooleanType()}), "parts a and b"),
    ],
)
def test_a_type_is_told_by_what_it_allows(type_: VariableType, words: str) -> None:
    assert type_in_words(type_) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (1.0, "1"),
        (0.25, "0.25"),
        (True, "true"),
        (None, "null"),
        (Decimal("1.50"), "1.50"),
        ({"a": 1}, '{"a":1}'),
        ("x" * 99, "x" * 59 + "…"),
    ],
)
def test_a_value_is_shown_as_json_has_it_but_shorter(value: object, text: str) -> None:
    assert shown(value) == text
