"""What the solver process and its owner say to each other: lengths, and values as MessagePack."""

from __future__ import annotations

from asyncio import StreamReader
from fractions import Fraction
from typing import BinaryIO, Final, Literal, TypeVar

import msgspec

__all__ = ["Answer", "Task", "framed", "packed", "read_answer", "read_task", "unpacked", "write"]

_LENGTH_BYTES: Final = 4
StructT = TypeVar("StructT", bound=msgspec.Struct)


class Task(msgspec.Struct, frozen=True):
    """What is to be solved.

    Attributes:
        way: Name of the problem's class.
        problem: The problem, encoded.
        limit_ms: How long it may take.
    """

    way: str
    problem: bytes
    limit_ms: int


class Answer(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        kind: ``ready`` for more; ``better``: a solution, and perhaps another; ``done``: there is
            no other; ``failed``.
        body: The solution, encoded.
        error: Why it failed.
    """

    kind: Literal["ready", "better", "done", "failed"]
    body: bytes = b""
    error: str = ""


def packed(value: msgspec.Struct) -> bytes:
    """Return a problem or a solution as bytes; fractions as their text."""
    return msgspec.msgpack.encode(value, enc_hook=_as_text)


def unpacked(raw: bytes, type_: type[StructT]) -> StructT:
    """Return a problem or a solution from its bytes."""
    return msgspec.msgpack.decode(raw, type=type_, dec_hook=_from_text)


def _as_text(value: object) -> str:
    assert isinstance(value, Fraction)
    return str(value)


def _from_text(type_: type, value: object) -> object:
    return type_(value)


def framed(value: Task | Answer) -> bytes:
    """Return a value as it is sent."""
    raw = msgspec.msgpack.encode(value)
    return len(raw).to_bytes(_LENGTH_BYTES, "big") + raw


def write(stream: BinaryIO, value: Task | Answer) -> None:
    """Send a value."""
    stream.write(framed(value))
    stream.flush()


def read_task(stream: BinaryIO) -> Task | None:
    """Return the next task; None when there will be none."""
    head = stream.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    return msgspec.msgpack.decode(stream.read(int.from_bytes(head, "big")), type=Task)


async def read_answer(stream: StreamReader) -> Answer:
    """Return the next answer.

    Raises:
        IncompleteReadError: The process has ended.
    """
    length = int.from_bytes(await stream.readexactly(_LENGTH_BYTES), "big")
    return msgspec.msgpack.decode(await stream.readexactly(length), type=Answer)
