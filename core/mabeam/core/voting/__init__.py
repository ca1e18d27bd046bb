"""Votes: agents choose among options."""

from mabeam.core.voting.ballots import Ballot, Profile, ranking_of, text_of, tie_key
from mabeam.core.voting.count import Count, Dropped, Lock, Round, Total
from mabeam.core.voting.debian import debian
from mabeam.core.voting.eliminating import (
    coombs,
    coombs_winners,
    instant_runoff,
    instant_runoff_winners,
)
from mabeam.core.voting.events import VoteCast, VoteDecided, VoteOpened, VoteStanding
from mabeam.core.voting.pairwise import (
    copeland,
    kemeny,
    minimax,
    ranked_pairs,
    ranked_pairs_winners,
    schulze,
)
from mabeam.core.voting.protocol import VOTE, profile_of
from mabeam.core.voting.rules import RULES
from mabeam.core.voting.scoring import approval, borda, bucklin, confidence, plurality, threshold
from mabeam.core.voting.sharing import equal_shares
from mabeam.core.voting.tally import Tally, empty_tally
from mabeam.core.voting.transferring import single_transferable_vote

__all__ = [
    "RULES",
    "VOTE",
    "Ballot",
    "Count",
    "Dropped",
    "Lock",
    "Profile",
    "Round",
    "Tally",
    "Total",
    "VoteCast",
    "VoteDecided",
    "VoteOpened",
    "VoteStanding",
    "approval",
    "borda",
    "bucklin",
    "confidence",
    "coombs",
    "coombs_winners",
    "copeland",
    "debian",
    "empty_tally",
    "equal_shares",
    "instant_runoff",
    "instant_runoff_winners",
    "kemeny",
    "minimax",
    "plurality",
    "profile_of",
    "ranked_pairs",
    "ranked_pairs_winners",
    "ranking_of",
    "schulze",
    "single_transferable_vote",
    "text_of",
    "threshold",
    "tie_key",
]
