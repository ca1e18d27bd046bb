"""The errors of mabeam in the words of the library, whose users catch those."""

from __future__ import annotations

from eventsourcing.persistence import (
    DataError,
    InfrastructureFactoryError,
    IntegrityError,
    InternalError,
    OperationalError,
)

from mabeam.core.errors import (
    ConfigurationError,
    Conflict,
    EventTooLarge,
    LogGap,
    MabeamError,
    NotFound,
    Rejected,
)

__all__ = ["translation"]


def translation(error: MabeamError) -> Exception:
    """Return the library's error for one of mabeam's, to be raised from it.

    Facts stay with the cause: that of an outcome that is not known tells the commit id.
    """
    match error:
        case Conflict():
            return IntegrityError(str(error))
        case Rejected() | EventTooLarge():
            return DataError(str(error))
        case LogGap():
            return InternalError(str(error))
        case ConfigurationError() | NotFound():
            return InfrastructureFactoryError(str(error))
        case _:
            return OperationalError(str(error))
