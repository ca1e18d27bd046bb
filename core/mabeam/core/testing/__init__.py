"""For tests of deciders and reactors, one's own too: given, when, then, and laws.

And for whole systems: a `Journal` of what concurrent clients did and were told, and the
judgement whether the log kept its word to them.

Nothing here needs a test framework: what does not hold raises `AssertionError`.
"""

from mabeam.core.testing.history import NS_PER_SECOND, Past, Said, history, said
from mabeam.core.testing.journal import Attempt, Entry, Journal, Look, Part, read_journal
from mabeam.core.testing.judgement import (
    boundaries_are_linearizable,
    followers_saw_the_log,
    log_is_complete,
)
from mabeam.core.testing.laws import (
    deciding_is_a_function,
    events_survive_the_wire,
    evolving_is_total,
    folding_can_be_interrupted,
    older_versions_are_read_as_new,
    reacting_ends,
    repeating_a_command_changes_nothing,
    repeating_events_changes_nothing,
)
from mabeam.core.testing.linearizability import NOTHING, Operation, Order, Stuck, find_order
from mabeam.core.testing.samples import samples, unshown
from mabeam.core.testing.scenario import Given, Reaction, Verdict, given

__all__ = [
    "NOTHING",
    "NS_PER_SECOND",
    "Attempt",
    "Entry",
    "Given",
    "Journal",
    "Look",
    "Operation",
    "Order",
    "Part",
    "Past",
    "Reaction",
    "Said",
    "Stuck",
    "Verdict",
    "boundaries_are_linearizable",
    "deciding_is_a_function",
    "events_survive_the_wire",
    "evolving_is_total",
    "find_order",
    "folding_can_be_interrupted",
    "followers_saw_the_log",
    "given",
    "history",
    "log_is_complete",
    "older_versions_are_read_as_new",
    "reacting_ends",
    "read_journal",
    "repeating_a_command_changes_nothing",
    "repeating_events_changes_nothing",
    "said",
    "samples",
    "unshown",
]
