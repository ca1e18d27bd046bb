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
    OutcomeUnknown,
    Rejected,
)

__all__ = ["UnknownOutcomeError", "translation"]


class UnknownOutcomeError(OutcomeUnknown, OperationalError):
    """Events were sent, and the log could not be asked whether it has them.

    Ask the recorder for `recorded` with this commit id once the log can be reached again.
    """


def translation(error: MabeamError) -> Exception:
    """Return the library's error for one of mabeam's."""
    match error:
        case OutcomeUnknown():
            return UnknownOutcomeError(error.boundary, error.commit_id)
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
