"""Auctions of bundles from the shell: files, words, and how things stand."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mabeam.app import connect
from mabeam.app.cli.codes import Code
from support.command import invoke
from support.nats_server import NatsServer
from support.worlds import fresh_space

pytestmark = pytest.mark.jetstream

AUCTION = """
rule = { name = "vcg", parameters = { fallback = "core" } }
participants = ["ann", "ben"]
goods = [{ name = "gpu", quantity = 2, reserve = 5 }, { name = "disk" }]
"""
ANN = """
bundles = [
  { goods = { gpu = 2, disk = 1 }, amount = 40 },
  { goods = { gpu = 1 }, amount = 25 },
]
"""


async def decided(space: str, url: str) -> None:
    """Coordinate until the auction has ended."""
    async with connect(space, server=url) as joined:
        await joined.sessions.get("rack").ended()


def test_an_auction_is_held_with_files_and_flags(tmp_path: Path, nats_server: NatsServer) -> None:
    space, server = fresh_space(), ("--server", nats_server.url)
    file, bids = tmp_path / "auction.toml", tmp_path / "ann.toml"
    file.write_text(AUCTION)
    bids.write_text(ANN)

    def session(*arguments: str) -> str:
        done = invoke("session", *arguments, *server)
        assert done.code == Code.OK, done.err
        return done.out

    opened = session(
        "open",
        space,
        "combinatorial_auction",
        "--file",
        str(file),
        "--name",
        "rack",
    )
    assert opened == "rack\n"
    session("say", space, "rack", "--file", str(bids), "--by", "ann")
    shown = session("show", space, "rack")
    assert "BIDDER" in shown
    assert "disk + 2 gpu" in shown
    one = '[{"goods": {"gpu": 1}, "amount": 20}]'
    session("say", space, "rack", "--set", f"bundles={one}", "--by", "ben")
    refused = invoke(
        "session", "say", space, "rack", "--set", 'bundles=[{"goods": {}, "amount": 1}]', *server
    )
    assert refused.code == Code.INVALID_DATA
    assert "goods of bundle 0" in refused.err
    asyncio.run(decided(space, nats_server.url))
    assert "ann: gpu; ben: gpu" in session("show", space, "rack")
