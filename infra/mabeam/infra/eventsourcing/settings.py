"""What the environment says: where the log is, and how it is kept."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Final

import msgspec
from eventsourcing.persistence import InfrastructureFactoryError
from eventsourcing.utils import Environment, strtobool

from mabeam.core.errors import Rejected
from mabeam.core.subjects import check_name, check_space
from mabeam.infra.jetstream.connection import PATIENCE_SECONDS
from mabeam.infra.jetstream.topology import Storage

__all__ = ["Address", "Settings"]

SERVERS: Final = "MABEAM_NATS_URL"
CREDENTIALS: Final = "MABEAM_NATS_CREDENTIALS"
SPACE: Final = "MABEAM_SPACE"
KIND: Final = "MABEAM_KIND"
REPLICAS: Final = "MABEAM_REPLICAS"
STORAGE: Final = "MABEAM_STORAGE"
CREATE: Final = "MABEAM_CREATE_SPACE"
CONNECT: Final = "MABEAM_CONNECT_SECONDS"
PATIENCE: Final = "MABEAM_PATIENCE_SECONDS"

CONNECT_SECONDS: Final = 5.0
UNNAMED: Final = "eventsourcing"
"""Who speaks when the environment belongs to no application."""


class Address(msgspec.Struct, frozen=True):
    """A server or cluster, and how to be let in; one connection for each in a process.

    Attributes:
        servers: Addresses, ``nats://127.0.0.1:4222``.
        credentials: File with a JWT and its seed, or None.
    """

    servers: tuple[str, ...]
    credentials: Path | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a factory needs to know.

    Attributes:
        name: Of the application; the actor of all it says.
        address: Where the log is.
        space: The space that is the application's sequence.
        kind: Kind of the entities that are its aggregates.
        replicas: On how many servers each event is kept; None leaves a space as it is.
        storage: ``file`` or ``memory``.
        create: Whether the space may be created or changed.
        connect_seconds: How long a server may take to answer at first.
        patience_seconds: How long a request is tried again before it fails.
    """

    name: str
    address: Address
    space: str
    kind: str = "aggregate"
    replicas: int | None = None
    storage: Storage = "file"
    create: bool = True
    connect_seconds: float = CONNECT_SECONDS
    patience_seconds: float = PATIENCE_SECONDS

    @classmethod
    def of(cls, env: Environment) -> Settings:
        """Read them, each under its name or under that with the application's before it.

        Raises:
            InfrastructureFactoryError: A variable is missing or has an illegal value.
        """
        replicas = env.get(REPLICAS)
        credentials = env.get(CREDENTIALS)
        return cls(
            name=_name("actor", env.name or UNNAMED, "name of the application"),
            address=Address(
                tuple(_required(env, SERVERS).split(",")),
                Path(credentials) if credentials else None,
            ),
            space=_space(env),
            kind=_name("kind", env.get(KIND) or "aggregate", KIND),
            replicas=_replicas(replicas) if replicas else None,
            storage=_storage(env.get(STORAGE) or "file"),
            create=_truth(env),
            connect_seconds=_seconds(env, CONNECT, CONNECT_SECONDS),
            patience_seconds=_seconds(env, PATIENCE, PATIENCE_SECONDS),
        )


def _required(env: Environment, key: str) -> str:
    value = env.get(key)
    if not value:
        keys = " or ".join(env.create_keys(key))
        raise InfrastructureFactoryError(f"the environment lacks {keys}")
    return value


def _space(env: Environment) -> str:
    space = _required(env, SPACE)
    try:
        return check_space(space)
    except Rejected as error:
        raise _illegal(SPACE, space, error.allowed) from error


def _name(part: str, name: str, key: str) -> str:
    try:
        return check_name(part, name)
    except Rejected as error:
        raise _illegal(key, name, error.allowed) from error


def _replicas(text: str) -> int:
    if text not in {"1", "3", "5"}:
        raise _illegal(REPLICAS, text, "1, 3 or 5")
    return int(text)


def _storage(text: str) -> Storage:
    match text:
        case "file" | "memory":
            return text
        case _:
            raise _illegal(STORAGE, text, "file or memory")


def _truth(env: Environment) -> bool:
    text = env.get(CREATE) or "yes"
    try:
        return strtobool(text)
    except ValueError as error:
        raise _illegal(CREATE, text, "yes or no") from error


def _seconds(env: Environment, key: str, default: float) -> float:
    text = env.get(key)
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not (isfinite(seconds) and seconds > 0):
        raise _illegal(key, text, "a number of seconds above 0")
    return seconds


def _illegal(key: str, value: str, allowed: str) -> InfrastructureFactoryError:
    return InfrastructureFactoryError(f"{key} = {value!r}, allowed: {allowed}")
