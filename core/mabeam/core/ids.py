"""Identifiers that follow from other identifiers.

An output of a reactor is named after its input, so a redelivered input gives the
same ids and the log refuses the copy. Fresh ids come from the port `IdSource`.
"""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["derived_id", "order_key"]


def derived_id(*parts: str | int) -> str:
    """Return the id that follows from these parts, as UUID text of version 8 (RFC 9562).

    The same parts give the same id in every process and on every machine.
    """
    digest = bytearray(_digest(parts))
    digest[6] = 0x80 | digest[6] & 0x0F
    digest[8] = 0x80 | digest[8] & 0x3F
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def order_key(*parts: str | int) -> bytes:
    """Return a key that puts names into an order that follows from nothing they stand for.

    Ties are broken by it: hash of session id, closing position and name. Who speaks last in a
    session may know the closing position beforehand, and nobody else.
    """
    return _digest(parts)


def _digest(parts: tuple[str | int, ...]) -> bytes:
    # The length before each part keeps ("ab", "c") and ("a", "bc") apart.
    joined = b"".join(b"%d:%b" % (len(raw), raw) for raw in (str(part).encode() for part in parts))
    return blake2b(joined, digest_size=16).digest()
