"""Auctions of bundles from the shell: files, words, and how things stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from mabeam.app.cli.codes import Code
from support.command import invoke
from support.events import fresh_space
from support.nats_server import NatsServer

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
    assert refused.code == Code.REJECTED
    assert "goods of bundle 0" in refused.err
    waited = session(
        "open",
        space,
        "combinatorial_auction",
        "--set",
        'goods=[{"name": "x"}]',
        "--set",
        "open_for_seconds=0.1",
        "--wait",
    )
    assert "no_quorum" in waited
    assert "ann: gpu; ben: gpu" in session("show", space, "rack")
