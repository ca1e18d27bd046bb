"""One sample of every event type, from which the golden files are written, each only once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final

from mabeam.core.actors import COORDINATOR, COORDINATOR_SOURCE
from mabeam.core.agent import Deregistered, HandlerFailed, Registered, Resumed, Suspended, Updated
from mabeam.core.auction import AuctionDecided, AuctionOpened, BidPlaced, Ranked
from mabeam.core.catalogue import DOMAINS
from mabeam.core.consensus import BallotCast, ConsensusDecided, ConsensusOpened, Contribution
from mabeam.core.envelope import encode, envelope_of
from mabeam.core.events import Event, EventType, registered, type_of
from mabeam.core.policies import Policy
from mabeam.core.session import Alternative, Cancelled, Closed, Considered, Failed, Participant
from mabeam.core.subjects import Boundary
from mabeam.core.variable import (
    BooleanType,
    Candidate,
    Changed,
    ChoiceType,
    CompositeType,
    Condition,
    ConflictDetected,
    ConflictResolved,
    Constrained,
    ConstraintChecked,
    ConstraintDeclared,
    Declared,
    Features,
    FloatType,
    Implies,
    IntegerType,
    Linear,
    ModuleType,
    Proposed,
    Refused,
    ResolutionChosen,
    Shadow,
    TextType,
)

__all__ = ["FOLDER", "SAMPLES", "file_of", "our_types", "wire_bytes", "write_missing"]

FOLDER: Final = Path(__file__).parent
SIZE_MAX: Final = 1_000_000

CANDIDATES = (
    Candidate("01JPROPOSAL-A", "coder", 4000, 12, 10),
    Candidate("01JPROPOSAL-B", "reviewer", 6000, 13, 10),
)
MERGE = Policy("weighted_merge", 1, {"weights": {"coder": 2}})

# What agents say stands first, then what protocol code says. Every field is given, so that
# the files show all of them.
SPOKEN: tuple[tuple[str, Event], ...] = (
    ("coder", Registered(role="optimizer", capabilities=("go", "python"), metadata={"team": "a"})),
    ("coder", Updated(role="evaluator", capabilities=("python",), metadata={"team": "b"})),
    ("lead", Suspended(reason="out of budget")),
    ("lead", Resumed()),
    ("lead", Deregistered(reason="done")),
    (
        "coder",
        HandlerFailed(
            handler="on_opened", event="01JOPENING", error="ValueError", message="no such lot"
        ),
    ),
    (
        "lead",
        AuctionOpened(
            rule=Policy("second_price", 1),
            participants=(Participant("coder", 2), Participant("tester")),
            open_for_ms=2_000,
            quorum=2,
            tie_break="earliest",
            visibility="sealed",
            variable="assignee",
            lot="fix the parser",
            reserve=10,
            unit="credits",
        ),
    ),
    ("coder", BidPlaced(amount=120, note="I know the parser")),
    (
        "lead",
        ConsensusOpened(
            rule=Policy("weighted_mean", 1),
            participants=(Participant("coder", 4), Participant("reviewer", 3)),
            open_for_ms=2_000,
            quorum=5,
            tie_break="refuse",
            visibility="sealed",
            variable="temperature",
            low=Decimal(0),
            high=Decimal(2),
            question="How bold shall we be?",
            step=Decimal("0.01"),
            default=Decimal("0.7"),
        ),
    ),
    ("coder", BallotCast(value=Decimal("0.1"), note="as dull as can be")),
    ("lead", Cancelled(reason="asked by mistake")),
    (
        "lead",
        ConstraintDeclared(
            constraint=Implies(
                when=(Condition("provider", "==", "groq"),),
                then=(Condition("temperature", "<=", 1.5),),
            ),
            values={"provider": "openai", "temperature": 0.7},
        ),
    ),
    ("lead", Constrained(constraint="provider-range")),
    (
        "lead",
        Declared(
            type=CompositeType(
                {
                    "budget": IntegerType(0, 8_000, 500, 4_000),
                    "engine": ModuleType(("team.engines:Fast", "team.engines:Good")),
                    "provider": ChoiceType(("openai", "groq"), "groq"),
                    "sampling": CompositeType({"top_p": FloatType(0.0, 1.0, 0.05, 0.9)}),
                    "system": TextType(500, "You are brief."),
                    "verbose": BooleanType(default=True),
                }
            ),
            update="coordinated",
            on_conflict=MERGE,
            scope=("coder", "reviewer"),
        ),
    ),
    ("coder", Proposed(value={"top_p": 0.5}, base=10, reason="less noise")),
    (COORDINATOR, Closed(reason="complete")),
    (COORDINATOR, Failed(code="session.quorum", detail="no such quorum")),
    (
        COORDINATOR,
        AuctionDecided(
            outcome="decided",
            rule=Policy("second_price", 1),
            considered=Considered(20, 27),
            alternatives=(Alternative("tester", "110", 23, "outbid"),),
            superseded=1,
            lot="fix the parser",
            winner="coder",
            price=110,
            ranking=(Ranked("coder", 120, 22), Ranked("tester", 110, 23)),
            price_basis="second_bid",
        ),
    ),
    (
        COORDINATOR,
        ConsensusDecided(
            outcome="decided",
            rule=Policy("weighted_mean", 1),
            considered=Considered(30, 34),
            alternatives=(Alternative("eve", "2", 33, "not_eligible"),),
            superseded=1,
            value=Decimal("0.61"),
            contributions=(
                Contribution("coder", 4, Decimal("0.1"), 31),
                Contribution("reviewer", 3, Decimal("1.3"), 32),
            ),
            mean="43/70",
        ),
    ),
    (
        COORDINATOR,
        Changed(
            value=4_800,
            previous=4_000,
            base=10,
            proposal="01JPROPOSAL-A",
            by="coder",
            conflict="01JPROPOSAL-B",
            session="pick-a-budget",
            decided_at=35,
        ),
    ),
    (
        COORDINATOR,
        Refused(
            code="variable.out_of_range",
            detail="value refused",
            field="budget",
            value="9000",
            allowed="a whole number from 0 to 8000",
            proposal="01JPROPOSAL-A",
            by="coder",
            conflict="01JPROPOSAL-B",
            session="pick-a-budget",
            decided_at=35,
        ),
    ),
    (
        COORDINATOR,
        ConflictDetected(
            conflict="01JPROPOSAL-B",
            base=10,
            candidates=CANDIDATES,
            features=Features(1, 2, 2, 2, "2000", 3),
        ),
    ),
    (
        COORDINATOR,
        ResolutionChosen(
            conflict="01JPROPOSAL-B",
            chosen=MERGE,
            eligible=(MERGE, Policy("priority")),
            propensities=("0.75", "0.25"),
            chooser="bandit",
            model_position=9,
            shadows=(Shadow("priority.v1", 4000),),
        ),
    ),
    (
        COORDINATOR,
        ConflictResolved(
            conflict="01JPROPOSAL-B", value=4_800, winner="coder", reason="mean of both"
        ),
    ),
    (COORDINATOR, ConstraintChecked(variable="temperature", value=0.7)),
)
SAMPLES: Final[dict[str, tuple[str, Event]]] = {
    **{type_of(event): (actor, event) for actor, event in SPOKEN},
    # What may take two shapes has two samples.
    "mabeam.constraint.declared.v1+linear": (
        "lead",
        ConstraintDeclared(
            constraint=Linear({"budget": 1, "spare": 0.5}, "<=", 8_000),
            values={"budget": 4_000, "spare": 0.25},
        ),
    ),
    "mabeam.variable.declared.v1+integer": ("lead", Declared(type=IntegerType(0, 8))),
    "mabeam.variable.proposed.v1+integer": ("coder", Proposed(value=3)),
}
"""Who says what, by the name of the file: the type, and perhaps a word behind a plus."""


def our_types() -> dict[str, EventType]:
    """Return the event types that come with mabeam, by name."""
    packages = tuple(f"{domain.__name__}." for domain in DOMAINS)
    return {
        known.name: known for known in registered() if known.struct.__module__.startswith(packages)
    }


def file_of(sample: str, folder: Path = FOLDER) -> Path:
    """Return where a golden sample is kept."""
    return folder / f"{sample}.json"


def wire_bytes(sample: str) -> bytes:
    """Write a sample as it would go to the log today."""
    actor, event = SAMPLES[sample]
    source = COORDINATOR_SOURCE if actor == COORDINATOR else f"/agents/{actor}"
    envelope = envelope_of(
        event,
        Boundary(our_types()[type_of(event)].kind, "golden"),
        source=source,
        id="01890a5d-ac96-774b-bcce-b302099a8057",
        time="2026-01-02T03:04:05.678Z",
        correlation_id="run-1",
        causation_id="01890a5d-ac96-774b-bcce-b302099a8056",
        commit_id="01890a5d-ac96-774b-bcce-b302099a8055",
    )
    return encode(envelope, SIZE_MAX)


def write_missing(folder: Path = FOLDER) -> list[str]:
    """Write the files that are missing, and return their names; never touch one that exists.

    A golden file is what some log may hold, for ever. Whoever wants to change one wants
    the next version of the type, and an upcaster.
    """
    missing = [sample for sample in sorted(SAMPLES) if not file_of(sample, folder).exists()]
    for sample in missing:
        with file_of(sample, folder).open("xb") as new:
            new.write(wire_bytes(sample))
    return missing
