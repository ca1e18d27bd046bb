"""A log that is closed for ever, and read as before.

The whole log is sealed where it stands, so there is no copy to lose and no moment between two
streams. `docs/adr/0017-custody.md` says why a log is not cut into segments.
"""

from __future__ import annotations

from mabeam.core.errors import ReadOnly
from mabeam.infra.jetstream.answers import StreamAnswer
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.standing import change, closed_because, describe
from mabeam.infra.jetstream.topology import stream_name

__all__ = ["seal"]


async def seal(api: Api, space: str) -> StreamAnswer:
    """Close a log for ever; where it is closed already, do nothing. Return how it stands then.

    Raises:
        NotFound: There is no such space.
        ReadOnly: It is a mirror, or being restored.
        ConfigurationError: The server refuses.
        StoreUnavailable: The server did not answer in time. Try again: it may be sealed.
    """
    stream = stream_name(space)
    present = await describe(api, stream)
    if not present.config.sealed:
        closed = closed_because(present.config)
        if closed:
            raise ReadOnly(closed)
        _ = await change(api, "UPDATE", stream, present.settings | {"sealed": True})
    return await describe(api, stream)
