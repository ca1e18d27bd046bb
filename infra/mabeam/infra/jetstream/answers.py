"""What the server answers, as structs, and what its error codes mean to us."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache
from typing import Any, Final

import msgspec

from mabeam.core.errors import (
    ConfigurationError,
    EventTooLarge,
    ReadOnly,
    StoreError,
    StoreFull,
)

__all__ = [
    "Answer",
    "ApiError",
    "ConsumerAnswer",
    "Copy",
    "Failure",
    "Keepers",
    "Origin",
    "PublishAnswer",
    "StoredAnswer",
    "StoredMessage",
    "StreamAnswer",
    "StreamConfig",
    "failure_of",
    "instant_ns",
    "instant_text",
    "publish_answer",
]


CONTACT_NS_MAX: Final = 3_000_000_000
"""Less than the four seconds for which a server that has heard a leader never replaces it."""


class ApiError(msgspec.Struct, frozen=True):
    """An error as JetStream reports it.

    Attributes:
        code: Its class, as in HTTP.
        err_code: What precisely; stable across versions.
        description: For people.
    """

    code: int = 0
    err_code: int = 0
    description: str = ""

    def __str__(self) -> str:
        """Say what and which."""
        return f"{self.description} ({self.err_code})"


class Answer(msgspec.Struct):
    """What all answers of the management interface share."""

    error: ApiError | None = None


class PublishAnswer(Answer):
    """The acknowledgement of a publish."""

    stream: str = ""
    seq: int = 0
    duplicate: bool = False


class StoredMessage(msgspec.Struct, frozen=True):
    """A message as the stream has it."""

    subject: str
    seq: int
    time: str
    data: bytes = b""


class StoredAnswer(Answer):
    """The answer to a request for one stored message."""

    message: StoredMessage | None = None


class StreamConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a stream, of those that matter to us."""

    name: str
    subjects: tuple[str, ...] = ()
    storage: str = "file"
    retention: str = "limits"
    discard: str = "old"
    num_replicas: int = 1
    max_msgs: int = -1
    max_bytes: int = -1
    max_age: int = 0
    max_msgs_per_subject: int = -1
    max_msg_size: int = -1
    duplicate_window: int = 0
    allow_atomic: bool = False
    allow_direct: bool = False
    deny_delete: bool = False
    deny_purge: bool = False
    allow_rollup_hdrs: bool = False
    allow_msg_schedules: bool = False
    allow_msg_ttl: bool = False
    allow_msg_counter: bool = False
    sealed: bool = False
    subject_transform: dict[str, Any] | None = None
    mirror: dict[str, Any] | None = None
    sources: list[dict[str, Any]] | None = None


class StreamState(msgspec.Struct, frozen=True):
    """How full a stream is."""

    messages: int = 0
    bytes: int = 0
    first_seq: int = 0
    last_seq: int = 0


class Copy(msgspec.Struct, frozen=True):
    """A copy of a stream on a server that does not lead it, as its leader sees it.

    Attributes:
        name: Name of the server.
        current: Whether it has all that the leader has.
        offline: Whether the leader takes it for gone.
        active: Nanoseconds since the leader heard from it.
        lag: How many operations it is behind.
    """

    name: str = ""
    current: bool = False
    offline: bool = False
    active: int = 0
    lag: int = 0


class Keepers(msgspec.Struct, frozen=True):
    """The servers that keep a stream.

    Attributes:
        leader: Name of the one that orders its messages; empty while there is none.
        replicas: The others.
    """

    leader: str = ""
    replicas: tuple[Copy, ...] = ()


class Origin(msgspec.Struct, frozen=True):
    """Where a mirror gets its messages from, as the server that has the mirror sees it.

    Attributes:
        name: Name of the stream there.
        lag: How many messages the mirror knew to be behind when it last heard.
        active: Nanoseconds since it heard from there; negative when it never has.
        external: How that place is reached if it is another; None for the same one.
    """

    name: str = ""
    lag: int = 0
    active: int = -1
    external: dict[str, str] | None = None


class StreamAnswer(Answer):
    """A description of a stream.

    Attributes:
        settings: All its settings, also those unknown here.
        state: How full it is.
        ts: The server's clock.
        cluster: Who keeps it; None without a cluster.
        mirror: What it is a mirror of, if it is one.
    """

    settings: dict[str, Any] = msgspec.field(name="config", default_factory=dict)
    state: StreamState = StreamState()
    ts: str = ""
    cluster: Keepers | None = None
    mirror: Origin | None = None

    @property
    def is_led(self) -> bool:
        """Whether the server that answers is still the leader, beyond doubt.

        Without word from a majority it may have been replaced without knowing. Nobody stands
        for election within the first four seconds, so a later word excludes that.
        """
        copies = () if self.cluster is None else self.cluster.replicas
        heard = sum(not copy.offline and copy.active < CONTACT_NS_MAX for copy in copies)
        return 2 * (heard + 1) > len(copies) + 1

    @property
    def config(self) -> StreamConfig:
        """The settings that matter to us."""
        return msgspec.convert(self.settings, StreamConfig)


class ConsumerConfig(msgspec.Struct, frozen=True):
    """The settings of a consumer, of those that matter to us."""

    filter_subject: str = ""


class ConsumerAnswer(Answer):
    """A description of a consumer."""

    config: ConsumerConfig | None = None
    num_pending: int = 0


class Failure(Enum):
    """What to do about an error."""

    CONFLICT = auto()
    """Read the boundary: it moved, or our own append moved it."""

    DUPLICATE = auto()
    """Look whether the message that used up the id is ours."""

    TRANSIENT = auto()
    """Try again."""

    FINAL = auto()
    """Give up: trying again would fail likewise."""


NOT_FOUND: Final = 10037
STREAM_NOT_FOUND: Final = 10059
TOO_FEW_SERVERS: Final = 10005
CONSUMER_NOT_FOUND: Final = 10014
CONSUMER_EXISTS: Final = frozenset({10013, 10105, 10148})
_CONFLICT: Final = frozenset({10071, 10164})
_DUPLICATE: Final = frozenset({10201})
_STORE_FAILED: Final = 10077
_TOO_LARGE: Final = 10054
_SEALED: Final = 10109
# No room for the message: resources, storage or memory of server or account, limits of stream.
_FULL: Final = frozenset({10002, 10023, 10028, 10047})
_FULL_TEXT: Final = ("maximum bytes", "maximum messages", "insufficient", "no space")
# Another attempt may pass: a message of the same id is on its way (10158), a batch fell
# apart (10176), or there are too many at once (10163, 10210).
_AGAIN: Final = frozenset({10158, 10163, 10176, 10210})
_SERVER_FAULT: Final = 500

_publish_decoder: Final = msgspec.json.Decoder(PublishAnswer)


def publish_answer(payload: bytes) -> PublishAnswer:
    """Read the acknowledgement of a publish."""
    return _publish_decoder.decode(payload)


def failure_of(error: ApiError) -> Failure:
    """Tell what to do about an error that is no `final_error`."""
    if error.err_code in _CONFLICT:
        return Failure.CONFLICT
    if error.err_code in _DUPLICATE:
        return Failure.DUPLICATE
    if error.err_code in _AGAIN or (error.code >= _SERVER_FAULT and not _is_full(error)):
        return Failure.TRANSIENT
    return Failure.FINAL


def final_error(
    error: ApiError, size: int, limit: int
) -> StoreError | EventTooLarge | ConfigurationError:
    """Translate an error about which nothing can be done here."""
    if _is_full(error):
        return StoreFull(f"the log has no room: {error}")
    if error.err_code == _SEALED:
        return ReadOnly("it is an archive, sealed for ever")
    if error.err_code == _TOO_LARGE:
        return EventTooLarge(size, limit)
    return ConfigurationError(f"the server refuses the request: {error}")


def _is_full(error: ApiError) -> bool:
    text = error.description.lower()
    return error.err_code in _FULL or any(part in text for part in _FULL_TEXT)


@lru_cache(maxsize=1_024)
def _second_ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def instant_ns(text: str) -> int:
    """Read an instant of RFC 3339 in UTC with up to nine decimals, as nanoseconds since 1970."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    return _second_ns(seconds) + int(fraction.ljust(9, "0")[:9] or 0)


def instant_text(nanoseconds: int) -> str:
    """Write nanoseconds since 1970 as the server reads them."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
