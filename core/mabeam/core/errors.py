"""Every error that mabeam raises.

    MabeamError
    ├── Rejected                a rule refuses the input; nothing was recorded: change the input
    ├── StoreError
    │   ├── Conflict            another writer appended first; fold again and decide again
    │   ├── Fenced              another has taken over what guarded the append; stop writing
    │   ├── OutcomeUnknown      the append may have been recorded; read before trying again
    │   ├── StoreUnavailable    the log cannot be reached now; try again later
    │   ├── StoreFull           the log has no room; nothing was recorded: make room
    │   ├── ReadOnly            this copy of the log takes no events; append where one does
    │   ├── NotAuthorized       the log's server forbids this subject to these credentials
    │   └── LogGap              positions are missing between two reads; do not trust the fold
    ├── CodecError
    │   ├── UnknownEventType    no type of that name is registered; register it or skip the event
    │   ├── MalformedEvent      the bytes are not such an event; skip it or repair the producer
    │   ├── EventTooLarge       the event exceeds the log's limit; send a reference instead
    │   ├── UpcastFailed        an old event could not be brought to the present version
    │   └── DowncastFailed      an event could not be written in an older version; nothing was
    ├── ProjectionError         a fold failed on one event; its state stands before that event
    ├── NotFound                nothing of that name or at that position exists
    ├── BackupDamaged           the files are not what was backed up; take another copy of them
    ├── ReplayDiverged          a recorded decision does not follow from the recorded history
    └── ConfigurationError      a setting is wrong or contradicts the surroundings
        ├── DataFolderInUse     another process serves this data folder; use its address
        └── ServerFailed        the embedded server did not start or stopped by itself

A class tells what the caller does next. An error carries its facts as attributes;
its message is for people, and no code reads it.
"""

from __future__ import annotations

import reprlib
from typing import Final

__all__ = [
    "BackupDamaged",
    "CodecError",
    "ConfigurationError",
    "Conflict",
    "DataFolderInUse",
    "DowncastFailed",
    "EventTooLarge",
    "Fenced",
    "LogGap",
    "MabeamError",
    "MalformedEvent",
    "NotAuthorized",
    "NotFound",
    "OutcomeUnknown",
    "ProjectionError",
    "ReadOnly",
    "Rejected",
    "ReplayDiverged",
    "ServerFailed",
    "StoreError",
    "StoreFull",
    "StoreUnavailable",
    "UnknownEventType",
    "UpcastFailed",
]


# A refusal is recorded and shown; what it says of a value must fit there, whatever the value.
_VALUE_LENGTH_MAX: Final = 200
_TEXT_LENGTH_MAX: Final = 500
_BITS_MAX: Final = 1_000


class MabeamError(Exception):
    """The root of the errors a caller may want to catch."""


class Rejected(MabeamError):
    """A rule refuses an input, and nothing of it was recorded.

    Attributes:
        code: A stable, dotted name of the rule, such as ``variable.out_of_range``.
        field: The part of the input at fault, such as ``value`` or ``sampling.top_p``.
        value: What was given there, as text, cut where it is long.
        allowed: What may stand there, as text; empty when no value would help.
    """

    def __init__(
        self, code: str, detail: str, *, field: str = "", value: object = None, allowed: str = ""
    ) -> None:
        self.code = code
        self.detail = _cut(detail, _TEXT_LENGTH_MAX)
        self.field = _cut(field, _VALUE_LENGTH_MAX)
        self.value = "" if value is None else _cut(_shown(value), _VALUE_LENGTH_MAX)
        self.allowed = _cut(allowed, _TEXT_LENGTH_MAX)
        text = self.detail
        if field:
            text += f": {self.field} = {self.value!r}"
        if allowed:
            text += f", allowed: {self.allowed}"
        super().__init__(f"{text} [{code}]")

    def __reduce__(self) -> tuple[object, ...]:
        """Let the error cross a process boundary with its facts."""
        return (_rejected, (self.code, self.detail, self.field, self.value, self.allowed))


def _rejected(code: str, detail: str, field: str, value: str, allowed: str) -> Rejected:
    return Rejected(code, detail, field=field, value=value, allowed=allowed)


class _Short(reprlib.Repr):
    """Writes values of any size and depth; a dictionary by the order of its keys."""

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002 - the base class calls it so
        return _shown(x)


_short: Final = _Short()
_short.maxlevel, _short.maxstring, _short.maxother = 6, _VALUE_LENGTH_MAX, _VALUE_LENGTH_MAX
_short.maxdict = _short.maxlist = _short.maxtuple = 20


def _shown(value: object) -> str:
    if isinstance(value, dict | list | tuple):
        return _short.repr(value)
    if isinstance(value, int) and value.bit_length() > _BITS_MAX:
        return f"a whole number of {value.bit_length()} bits"
    return str(value)


def _cut(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else text[: length_max - 1] + "…"


class StoreError(MabeamError):
    """The log could not do what was asked."""


class Conflict(StoreError):
    """The boundary is not at the position the writer expected; nothing was recorded.

    Attributes:
        boundary: The boundary as text, ``session/01J…``.
        expected: The position the writer had seen last; 0 for an expected new one.
        actual: The position the boundary is at, or None when the log did not say.
    """

    def __init__(self, boundary: str, expected: int | None, actual: int | None) -> None:
        super().__init__(boundary, expected, actual)
        self.boundary = boundary
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        """Say who was where."""
        actual = "elsewhere" if self.actual is None else f"at position {self.actual}"
        return f"{self.boundary} is {actual}, not at {self.expected}: another writer came first"


class Fenced(StoreError):
    """The boundary that guarded an append has moved; nothing was recorded.

    Another has taken over the right under which it was written. To try again is of no use:
    stop, or acquire the right anew.

    Attributes:
        boundary: The guarding boundary as text, ``agent/coder``.
        expected: The position at which the writer had the right.
        actual: The position the boundary is at.
    """

    def __init__(self, boundary: str, expected: int, actual: int) -> None:
        super().__init__(boundary, expected, actual)
        self.boundary = boundary
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        """Say what moved."""
        return (
            f"{self.boundary} is at position {self.actual}, not at {self.expected}: "
            "the right to write was taken over"
        )


class OutcomeUnknown(StoreError):
    """The log did not answer in time, and reading it did not settle the matter either.

    Attributes:
        boundary: The boundary as text.
        commit_id: Look for it with a later read: if it is there, the append was recorded.
    """

    def __init__(self, boundary: str, commit_id: str) -> None:
        super().__init__(boundary, commit_id)
        self.boundary = boundary
        self.commit_id = commit_id

    def __str__(self) -> str:
        """Say what to look for."""
        return (
            f"the append {self.commit_id} to {self.boundary} may or may not have been recorded; "
            "read the boundary for this commit id before trying again"
        )


class StoreUnavailable(StoreError):
    """The log cannot be reached now, and nothing of the request was recorded."""


class StoreFull(StoreError):
    """The log has reached its size limit or its disk is full; nothing was recorded."""


class ReadOnly(StoreError):
    """This copy of the log takes no events, and nothing was recorded.

    Attributes:
        because: Why not: it is an archive, a mirror, or being restored.
    """

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        """Say why."""
        return f"the log takes no events here: {self.because}"


class NotAuthorized(StoreError):
    """The server forbids the subject to these credentials; nothing was recorded.

    Attributes:
        subject: The NATS subject that was refused.
    """

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self.subject = subject

    def __str__(self) -> str:
        """Name the subject."""
        return f"these credentials may not publish on {self.subject}"


class LogGap(StoreError):
    """Messages are missing between two positions that must be neighbours.

    Attributes:
        expected: The position or delivery that should have come next.
        found: The one that came.
    """

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(expected, found)
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        """Name both ends."""
        return f"the log skipped from {self.expected} to {self.found}"


class CodecError(MabeamError):
    """Bytes and events do not fit each other.

    Attributes:
        position: Where in the log the event stands; 0 before it is recorded.
    """

    position: int = 0


class UnknownEventType(CodecError):
    """No event type of this name and version is registered.

    Attributes:
        type: The type as written in the event.
    """

    def __init__(self, type: str, position: int = 0) -> None:  # noqa: A002 - the CloudEvents word
        super().__init__(type, position)
        self.type = type
        self.position = position

    def __str__(self) -> str:
        """Name the type."""
        return f"no event type {self.type!r} is registered"


class MalformedEvent(CodecError):
    """The bytes are not a CloudEvent of the shape its type promises.

    Attributes:
        detail: What is wrong and where, ``Expected `int`, got `str` - at `$.amount```.
    """

    def __init__(self, detail: str, position: int = 0) -> None:
        detail = _cut(detail, _TEXT_LENGTH_MAX)
        super().__init__(detail, position)
        self.detail = detail
        self.position = position

    def __str__(self) -> str:
        """Say where and what."""
        where = f" at position {self.position}" if self.position else ""
        return f"malformed event{where}: {self.detail}"


class EventTooLarge(CodecError):
    """The event has more bytes than the log takes.

    Attributes:
        size: Bytes of the encoded event.
        limit: Bytes the log takes at most.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        """Give both sizes."""
        return f"the event has {self.size} bytes, the log takes at most {self.limit}"


class UpcastFailed(CodecError):
    """An upcaster raised on an old event, or gave what does not fit.

    Repair the upcaster: the event is as it was written, and stays so.

    Attributes:
        type: The type and version of the stored event.
        detail: What was raised, or what does not fit.
    """

    def __init__(self, type: str, detail: str, position: int = 0) -> None:  # noqa: A002 - the CloudEvents word
        super().__init__(type, detail, position)
        self.type = type
        self.detail = detail
        self.position = position

    def __str__(self) -> str:
        """Name the type, the position and the cause."""
        where = f" at position {self.position}" if self.position else ""
        return f"{self.type!r}{where} could not be brought to the present version: {self.detail}"


class DowncastFailed(CodecError):
    """An event could not be written in the form of an older version; nothing was recorded.

    Register a downcaster, repair the one that raised, or write the present version.

    Attributes:
        type: The type of the event.
        older: The type it should have been written as.
        detail: What is wrong.
    """

    def __init__(self, type: str, older: str, detail: str) -> None:  # noqa: A002 - the CloudEvents word
        super().__init__(type, older, detail)
        self.type = type
        self.older = older
        self.detail = detail

    def __str__(self) -> str:
        """Name both types and the cause."""
        return f"{self.type!r} could not be written as {self.older!r}: {self.detail}"


class ProjectionError(MabeamError):
    """A fold failed on one event; its state stands before that event.

    Attributes:
        projection: Name of the fold.
        position: Where the event stands.
    """

    def __init__(self, projection: str, position: int) -> None:
        super().__init__(projection, position)
        self.projection = projection
        self.position = position

    def __str__(self) -> str:
        """Name the fold and the place."""
        return f"projection {self.projection!r} failed at position {self.position}"


class NotFound(MabeamError):
    """Nothing of that name, or nothing at that position, exists."""


class BackupDamaged(MabeamError):
    """The files of a backup are not what was backed up; nothing was restored.

    Attributes:
        file: Which file, or the folder when one is missing.
        detail: In what it differs.
    """

    def __init__(self, file: str, detail: str) -> None:
        super().__init__(file, detail)
        self.file = file
        self.detail = detail

    def __str__(self) -> str:
        """Say which file and what is wrong."""
        return f"{self.file}: {self.detail}"


class ReplayDiverged(MabeamError):
    """A recorded decision does not follow from the history before it.

    Attributes:
        position: Where the first such decision stands.
        detail: What was recorded and what follows instead.
    """

    def __init__(self, position: int, detail: str) -> None:
        super().__init__(position, detail)
        self.position = position
        self.detail = detail

    def __str__(self) -> str:
        """Say where and what."""
        return f"replay diverges at position {self.position}: {self.detail}"


class ConfigurationError(MabeamError):
    """A setting is wrong, missing or contradicts the surroundings."""


class DataFolderInUse(ConfigurationError):
    """Another process serves this data folder.

    Attributes:
        folder: The folder.
        url: Address of the server that runs there; empty when unknown.
    """

    def __init__(self, folder: str, url: str = "") -> None:
        super().__init__(folder, url)
        self.folder = folder
        self.url = url

    def __str__(self) -> str:
        """Say what to use instead."""
        use = f"; use --server {self.url}" if self.url else ""
        return f"another process serves the data folder {self.folder}{use}"


class ServerFailed(ConfigurationError):
    """The embedded server did not start, or stopped by itself; the text has its last words."""
