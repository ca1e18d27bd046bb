"""For tests of deciders and reactors, one's own too: given, when, then, and laws.

Nothing here needs a test framework: what does not hold raises `AssertionError`.
"""

from mabeam.core.testing.history import NS_PER_SECOND, Past, Said, history, said
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
from mabeam.core.testing.samples import samples, unshown
from mabeam.core.testing.scenario import Given, Reaction, Verdict, given

__all__ = [
    "NS_PER_SECOND",
    "Given",
    "Past",
    "Reaction",
    "Said",
    "Verdict",
    "deciding_is_a_function",
    "events_survive_the_wire",
    "evolving_is_total",
    "folding_can_be_interrupted",
    "given",
    "history",
    "older_versions_are_read_as_new",
    "reacting_ends",
    "repeating_a_command_changes_nothing",
    "repeating_events_changes_nothing",
    "said",
    "samples",
    "unshown",
]
