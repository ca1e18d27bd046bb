"""Sealed bids on a log that everybody reads: commit to a hash first, reveal later.

A commitment binds, because nobody finds another amount with the same SHA-256 digest, and
hides, because nobody can try all amounts while the salt is unknown. It hides only as well
as the salt is chosen: take at least 16 random characters, fresh for each bid. What is
hashed names session and bidder, so that nobody can pass off the commitment of another.
Manuel Blum, Coin Flipping by Telephone (1981); FIPS 180-4 for the digest.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

__all__ = ["SALT_LENGTH_MAX", "SALT_LENGTH_MIN", "commitment_of", "is_commitment"]

SALT_LENGTH_MIN: Final = 16
SALT_LENGTH_MAX: Final = 128
_COMMITMENT: Final = re.compile(r"[0-9a-f]{64}")


def commitment_of(session: str, bidder: str, amount: int, salt: str) -> str:
    """Return the commitment to a bid, as 64 lower-case hexadecimal digits.

    It is the SHA-256 of the UTF-8 text of five lines without an end of line after the last:
    ``mabeam.commitment.v1``, the session, the bidder, the amount in decimal, the salt.

    Args:
        session: Name of the session.
        bidder: Name of the bidder.
        amount: The bid, in minor units.
        salt: What keeps others from trying all amounts, 16 to 128 characters.
    """
    # A lone surrogate has no UTF-8; whoever forges one must not stop the fold.
    text = "\n".join(("mabeam.commitment.v1", session, bidder, str(amount), salt))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_commitment(text: str) -> bool:
    """Tell whether a text has the form of a commitment."""
    return _COMMITMENT.fullmatch(text) is not None
