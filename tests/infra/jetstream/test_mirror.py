"""A mirror in another domain has the same log, and goes on when its origin is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from mabeam.core.errors import ConfigurationError, NotFound, ReadOnly, StoreUnavailable
from mabeam.core.ports import EventStore
from mabeam.infra.jetstream import Connection, open_store
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.inspection import inspect_space, spaces
from mabeam.infra.jetstream.mirror import Source, mirror, promote
from support.events import append_each, write
from support.nats_domains import NatsDomains
from support.nats_server import NatsServer
from support.reading import positions, read_all, take
from support.waiting import until

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

HUB = Source.domain("team", "hub")
Connect = Callable[[str], Awaitable[Connection]]


async def mirrored(domains: NatsDomains, on: Connect) -> tuple[EventStore, EventStore, Connection]:
    """Return an origin with some events, a mirror that has them, and the mirror's server."""
    hub, edge = await on(domains.hub.url), await on(domains.edge.url)
    origin = await open_store(hub, "team")
    await append_each(origin, 10)
    _ = await origin.append(write("session/2", 5))
    await mirror(Api(edge), "team", HUB)
    copy = await open_store(edge, "team", create=False)
    await caught_up(copy, origin)
    return origin, copy, edge


async def caught_up(copy: EventStore, origin: EventStore) -> None:
    head = await origin.head()

    async def is_there() -> bool:
        return await copy.head() == head

    await until(is_there)


async def contents(store: EventStore) -> list[tuple[int, int, str]]:
    return [(one.position, one.recorded_ns, one.id) for one in await read_all(store)]


async def test_a_mirror_reads_like_its_origin(nats_domains: NatsDomains, on: Connect) -> None:
    origin, copy, _ = await mirrored(nats_domains, on)
    assert await contents(copy) == await contents(origin)
    assert positions(await copy.latest()) == positions(await origin.latest())
    third = (await read_all(origin))[2]
    assert await copy.position_at(third.recorded_ns) == 2
    async with copy.follow(after=14) as pages:
        assert positions(await take(pages, 1)) == [15]
        assert await origin.append(write("session/3")) == 16
        assert positions(await take(pages, 1)) == [16]


async def test_a_mirror_takes_no_events_and_says_why(
    nats_domains: NatsDomains, on: Connect
) -> None:
    origin, copy, edge = await mirrored(nats_domains, on)
    for expect in (None, 0):
        with pytest.raises(ReadOnly, match="it is a mirror of mabeam_team"):
            _ = await copy.append(write("session/9", expect=expect))
    with pytest.raises(ReadOnly, match="it is a mirror"):
        _ = await open_store(edge, "team")
    assert await origin.head() == 15


async def test_a_mirror_resumes_after_a_cut(nats_domains: NatsDomains, on: Connect) -> None:
    origin, copy, edge = await mirrored(nats_domains, on)
    nats_domains.edge.stop()
    await append_each(origin, 20)
    nats_domains.edge.start()
    await edge.up(Api(edge).deadline())
    await caught_up(copy, origin)
    assert await contents(copy) == await contents(origin)
    assert await spaces(edge) == ("team",)
    report = await inspect_space(edge, "team")
    assert report.origin is not None
    assert report.origin.lag == 0
    assert report.deviations == ()


async def test_a_mirror_is_promoted_only_when_its_origin_is_out_of_reach(
    nats_domains: NatsDomains, on: Connect
) -> None:
    origin, copy, edge = await mirrored(nats_domains, on)
    with pytest.raises(ConfigurationError, match="the origin of 'team' answers, at position 15"):
        _ = await promote(Api(edge), "team")
    before = await contents(origin)
    nats_domains.hub.kill()
    assert await promote(Api(edge), "team") == 15
    assert await contents(copy) == before
    # Also the store that was opened while it was a mirror takes events now.
    last = (await read_all(copy))[-1].position
    assert await copy.append(write("session/2", 3, expect=last)) == 18
    promoted = await open_store(edge, "team")
    assert await promoted.append(write("session/4", expect=0)) == 19
    assert (await inspect_space(edge, "team")).deviations == ()
    # Done again, it changes nothing.
    assert await promote(Api(edge), "team") == 19


async def test_a_mirror_is_made_once_and_never_over_a_log(
    nats_domains: NatsDomains, on: Connect
) -> None:
    _, _, edge = await mirrored(nats_domains, on)
    await mirror(Api(edge), "team", HUB)
    hub = await on(nats_domains.hub.url)
    with pytest.raises(ConfigurationError, match="has a space 'team' already"):
        await mirror(Api(hub), "team", Source("mabeam_team", "$JS.edge.API"))


async def test_what_cannot_be_mirrored_is_said(
    nats_domains: NatsDomains, nats_server: NatsServer, on: Connect
) -> None:
    edge = await on(nats_domains.edge.url)

    async def is_joined() -> bool:
        try:
            await mirror(Api(edge), "absent", Source.domain("absent", "hub"))
        except StoreUnavailable:
            return False
        except NotFound:
            return True
        raise AssertionError("there is nothing to mirror")

    await until(is_joined)
    alone = await on(nats_server.url)
    with pytest.raises(StoreUnavailable, match="no such domain is connected"):
        await mirror(Api(alone), "team", HUB)
