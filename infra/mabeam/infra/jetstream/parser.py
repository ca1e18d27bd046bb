"""Read the server's bytes and hand tapped messages on at once.

The parser of nats-py matches two regular expressions and starts a coroutine for every
message. This one scans a whole block for the messages of tapped subscriptions and
calls their taps directly; everything else it leaves to the parser it derives from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nats.errors import ProtocolError
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

__all__ = ["Tap", "TapParser"]

Tap = Callable[[bytes, bytes, bytes, bytes], None]
"""Gets subject, reply subject, raw header block and payload; reply and headers may be empty."""

_CRLF: Final = b"\r\n"
_MSG: Final = b"MSG"
_HMSG: Final = b"HMSG"
_ERROR: Final = ord("-")


class TapParser(Parser):
    """A parser with a direct way out for tapped subscriptions.

    Args:
        client: The client whose methods serve all that is not tapped.
        taps: Tap of each subscription id, as the bytes that stand on the wire.
        failed: Gets the subject of a message whose tap has raised, and what it raised.
        complain: Gets each error line as the server wrote it; nats-py sees it in lower case.

    Attributes:
        tapped: How many messages taps have got so far.
    """

    def __init__(
        self,
        client: object,
        taps: dict[bytes, Tap],
        failed: Callable[[bytes, Exception], None],
        complain: Callable[[bytes], None],
    ) -> None:
        self.tapped = 0
        self._taps = taps
        self._failed = failed
        self._complain = complain
        self._rest = b""
        super().__init__(client)  # pyright: ignore[reportUnknownMemberType] - untyped in nats-py

    def reset(self) -> None:
        """Forget what was read of an unfinished message."""
        self._rest = b""
        super().reset()

    async def parse(self, data: bytes = b"") -> None:
        """Take what the socket gave."""
        block = self._rest + data if self._rest else data
        self._rest = b""
        while block:
            if self.state != AWAITING_CONTROL_LINE:
                # A message for nats-py has begun; it gets the bytes it lacks and no more.
                lacking = self.needed + len(_CRLF) - len(self.buf)
                await super().parse(block[:lacking])
                block = block[lacking:]
                continue
            try:
                block = block[self._scan(block) :]
            except ValueError as error:
                raise ProtocolError from error
            line_end = block.find(_CRLF)
            if line_end < 0:
                break
            line = block[: line_end + len(_CRLF)]
            if self._is_tapped(line):
                break
            if line[0] == _ERROR:
                self._complain(line)
            block = block[len(line) :]
            await super().parse(line)
        self._rest = block

    def _is_tapped(self, line: bytes) -> bool:
        words = line.split()
        return len(words) > 3 and words[0] in (_MSG, _HMSG) and words[2] in self._taps  # noqa: PLR2004 - operation, subject, id, size

    def _scan(self, block: bytes) -> int:
        """Give the whole tapped messages at the start of a block to their taps.

        Returns:
            Where they end.
        """
        taps = self._taps
        at = 0
        size = len(block)
        while True:
            line_end = block.find(_CRLF, at)
            if line_end < 0:
                return at
            words = block[at:line_end].split()
            start = line_end + 2
            # HMSG <subject> <id> [reply] <header bytes> <bytes>; MSG <subject> <id> [reply] <bytes>
            count = len(words)
            tap = taps.get(words[2]) if count > 3 else None  # noqa: PLR2004 - as above
            if tap is None:
                return at
            if words[0] == _HMSG:
                body = start + int(words[-2])
                reply = words[3] if count == 6 else b""  # noqa: PLR2004 - as above
            elif words[0] == _MSG:
                body = start
                reply = words[3] if count == 5 else b""  # noqa: PLR2004 - as above
            else:
                return at
            end = start + int(words[-1])
            if end + 2 > size:
                return at
            at = end + 2
            self.tapped += 1
            try:
                tap(words[1], reply, block[start:body], block[body:end])
            except Exception as error:  # noqa: BLE001 - else the reading task would end, and with it all
                self._failed(words[1], error)
