"""Facts of combinatorial auctions. Names and fields are on disk: add, never change."""

from __future__ import annotations

import msgspec

from mabeam.core.combinatorial.language import Bundle, Good, Language
from mabeam.core.combinatorial.pricing import Applied
from mabeam.core.combinatorial.winners import Proof
from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session.events import Decision, Opening, Speech

__all__ = [
    "Award",
    "BidsPlaced",
    "BundleRef",
    "BundlesAwarded",
    "BundlesOffered",
    "Coalition",
    "CoreProof",
    "Economy",
    "Multipliers",
    "Payment",
]


@event_type("mabeam.combinatorial.opened.v1", kind="session")
class BundlesOffered(Opening, frozen=True, kw_only=True):
    """Several goods are offered at once, to be had in bundles.

    Attributes:
        goods: What is offered, 1 to 256 goods.
        unit: What the amounts are counted in, for people, such as ``credits``.
        solver_ms: How long a solver may look for the best, 1 to 600,000.
        bundles_max: How many bundles a bidder may name, 1 to 200.
    """

    goods: tuple[Good, ...]
    unit: str = ""
    solver_ms: int = 5_000
    bundles_max: int = 32
    rule: Policy = Policy("vcg")


@event_type("mabeam.combinatorial.bids_placed.v1", kind="session")
class BidsPlaced(Speech, frozen=True, kw_only=True):
    """A bidder's latest word on all bundles it wants.

    Attributes:
        bundles: What it offers for which bundle; empty to bid on nothing.
        language: How bundles without a group exclude each other: ``xor``: at most one of them is
            accepted; ``or``: any of them may be, together.
        note: Why, for people.
    """

    bundles: tuple[Bundle, ...]
    language: Language = "xor"
    note: str = ""


class Award(msgspec.Struct, frozen=True):
    """A bundle that was accepted.

    Attributes:
        agent: Whose it is.
        number: Which of its bundles it is, from 0.
        goods: Units of each good.
        amount: What was offered for it, in minor units.
    """

    agent: str
    number: int
    goods: dict[str, int]
    amount: int


class Payment(msgspec.Struct, frozen=True, gc=False):
    """What a winner pays for all it gets.

    Attributes:
        agent: Who pays.
        amount: Exactly, in minor units: a whole number or a fraction such as ``15/2``.
    """

    agent: str
    amount: str


class BundleRef(msgspec.Struct, frozen=True, gc=False):
    """A bundle by who named it and where among its bundles.

    Attributes:
        agent: Who named it.
        number: Which of its bundles it is, from 0.
    """

    agent: str
    number: int


class Economy(msgspec.Struct, frozen=True, omit_defaults=True):
    """The best that some bidders can have among themselves, and how that is known.

    Attributes:
        value: Sum of what is offered above the reserve by the accepted bundles.
        bound: No bundles that can be accepted together have a greater value.
        accepted: The bundles.
        without: Who is left out; empty if nobody is.
        proof: How it is known that nothing better exists. ``prices``: the prices below prove
            it. ``search``: an exact search that anybody can repeat. ``solver``: a solver said
            so. Empty: it is not known.
        prices: A price of each good in thousandths of a minor unit, in the order of the goods.
            They prove a bound: no bundles are worth more than all goods at these prices and,
            of each group, what its best bundle offers above them.
    """

    value: int
    bound: int
    accepted: tuple[BundleRef, ...] = ()
    without: str = ""
    proof: Proof = ""
    prices: tuple[int, ...] = ()


class Multipliers(msgspec.Struct, frozen=True, gc=False):
    """How much a condition weighs in the proof that payments are the ones promised, exactly.

    Attributes:
        revenue: In the proof that no less can be raised.
        distance: In the proof that nothing of the same revenue is nearer to VCG.
    """

    revenue: str
    distance: str


class Coalition(msgspec.Struct, frozen=True):
    """Bundles that others could have had, which is why the payments are no less.

    Attributes:
        accepted: The bundles.
        weights: How much its condition weighs.
    """

    accepted: tuple[BundleRef, ...]
    weights: Multipliers


class CoreProof(msgspec.Struct, frozen=True):
    """Why the payments are those of least revenue in the core that are nearest to VCG.

    Attributes:
        coalitions: Who would have blocked lower payments.
        least: Weights of the condition that each winner pays its VCG payment, as far as it was
            found, or more; winners in the order of the marginal economies.
        most: Weights of the condition that each winner pays what it offered or less.
        scale: By what all amounts are multiplied in the economy below, to be whole.
        closing: The best for who would block these payments: what each winner gains is taken
            from its bids. They are in the core if its bound is what they sum to.
    """

    coalitions: tuple[Coalition, ...]
    least: tuple[Multipliers, ...]
    most: tuple[Multipliers, ...]
    scale: int
    closing: Economy


@event_type("mabeam.combinatorial.decided.v1", kind="session")
class BundlesAwarded(Decision, frozen=True, kw_only=True):
    """Who got which bundles, and at what price. Said by protocol code alone.

    Attributes:
        awards: The accepted bundles, in the order of the agents' names.
        payments: What each winner pays, in the order of the agents' names.
        revenue: Sum of the payments, exactly.
        unsold: Units of each good that nobody got.
        pricing: The rule that was applied: the fallback, if an optimum was not proved.
        main: Certificate: the accepted bundles as the best of all; None if nothing was sold.
        marginal: Certificate: the best without each winner; empty where no rule needs it.
        core: Certificate: why the payments are in the core; None for other pricing.
    """

    awards: tuple[Award, ...] = ()
    payments: tuple[Payment, ...] = ()
    revenue: str = "0"
    unsold: dict[str, int] = {}
    pricing: Applied = "pay_as_bid"
    main: Economy | None = None
    marginal: tuple[Economy, ...] = ()
    core: CoreProof | None = None
