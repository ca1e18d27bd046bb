"""The command `mabeam auction`, on a server."""

from __future__ import annotations

import json
import stat
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from mabeam.app.cli.bidding import answer_of, bid_of
from mabeam.app.cli.codes import Code
from mabeam.core.auction import AuctionOpened
from mabeam.core.errors import Rejected
from mabeam.core.session import SessionState
from support.command import Done, Running, invoke, run, start
from support.events import fresh_id
from support.nats_server import NatsServer

pytestmark = pytest.mark.jetstream


class Hall:
    """A fresh space in which auctions are held from the shell."""

    def __init__(self, server: NatsServer) -> None:
        self.space = f"hall-{fresh_id()[-12:]}"
        self.url = server.url

    def auction(self, verb: str, *arguments: str) -> Done:
        """Do one thing."""
        return invoke("auction", verb, self.space, *arguments, "--server", self.url)

    def ran(self, verb: str, *arguments: str) -> str:
        """Do one thing that must succeed; return what it prints."""
        done = self.auction(verb, *arguments)
        assert done.code == Code.OK, done.err
        return done.out

    def shown(self, name: str) -> dict[str, Any]:
        """Return how an auction stands."""
        found: dict[str, Any] = json.loads(self.ran("show", name, "--json"))
        return found

    def coordinating(self, *arguments: str) -> AbstractContextManager[Running]:
        """Hold an auction in a process that coordinates until it ends."""
        command = ("auction", "open", self.space, *arguments, "--wait", "--server", self.url)
        return start(*command)

    def opened(self, *arguments: str) -> None:
        """Open an auction of ann and ben that is called it."""
        team = ("--bidder", "ann", "--bidder", "ben", "--name", "it", "--lot", "desk")
        assert self.ran("open", *arguments, *team) == "it\n"


@pytest.fixture
def hall(nats_server: NatsServer) -> Hall:
    return Hall(nats_server)


def rows(shown: dict[str, Any]) -> list[list[str]]:
    found: list[list[str]] = shown["standing"]["rows"]
    return found


def test_a_sealed_auction_from_the_offer_to_the_award(hall: Hall) -> None:
    hall.opened("--rule", "first_price", "--reserve", "5", "--unit", "credits", "--for", "60")
    assert hall.ran("bid", "it", "25", "--by", "ann") == "2\n"
    assert json.loads(hall.ran("bid", "it", "30", "--by", "ben", "--json"))["position"] == 3
    assert rows(hall.shown("it")) == [["ben", "30", ""], ["ann", "25", ""]]
    text = hall.ran("show", "it")
    assert "first_price v1" in text
    assert "BIDDER" in text
    assert rows(json.loads(hall.ran("show", "it", "--at", "2", "--json"))) == [["ann", "25", ""]]


def test_who_waits_coordinates_and_is_told_the_winner(hall: Hall) -> None:
    done = hall.auction("open", "--lot", "desk", "--for", "0.2", "--wait", "--name", "it")
    assert done.out == "it: no_quorum deadline\n"
    opened = json.loads(hall.ran("open", "--lot", "desk", "--for", "0.2", "--wait", "--json"))
    assert opened["outcome"] == "no_quorum"


def test_open_outcry(hall: Hall) -> None:
    hall.opened("--form", "english", "--reserve", "10", "--increment", "5", "--buy-now", "90")
    hall.ran("bid", "it", "10", "--by", "ann")
    hall.ran("bid", "it", "12", "--by", "ben")
    hall.ran("bid", "it", "15", "--by", "ben")
    shown = hall.shown("it")
    assert rows(shown) == [["ben", "15", "4"], ["ann", "10", "2"]]
    assert shown["standing"]["remarks"] == ["the next bid must be at least 20"]
    hall.ran("leave", "it", "--by", "ann")
    assert hall.shown("it")["standing"]["remarks"] == ["withdrawn: ann"]


def test_a_rising_clock(hall: Hall) -> None:
    hall.opened("--form", "clock", "--start", "10", "--step", "5", "--tick", "20")
    hall.ran("stay", "it", "--by", "ann")
    hall.ran("leave", "it", "--by", "ben")
    hall.ran("stay", "it", "--by", "ben", "--price", "15")
    shown = hall.shown("it")
    assert rows(shown) == [["ann", "10", "in"]]
    assert shown["standing"]["remarks"] == ["round 1: the clock shows 10"]


def test_a_falling_clock(hall: Hall) -> None:
    options = ("--start", "100", "--step", "5", "--reserve", "20", "--rounds-max", "9")
    hall.opened("--form", "dutch", *options, "--tick", "20")
    hall.ran("leave", "it", "--by", "ben")
    hall.ran("stop", "it", "--by", "ann")
    shown = hall.shown("it")
    assert rows(shown) == [["ann", "100", "stops the clock"], ["ben", "100", "waits"]]


def test_several_units(hall: Hall) -> None:
    hall.opened("--form", "multi-unit", "--units", "3", "--rule", "uniform")
    hall.ran("bid", "it", "9", "7", "--by", "ann")
    assert rows(hall.shown("it")) == [["ann", "9 + 7", "2", "0"]]
    done = hall.auction("bid", "it", "7", "9", "--by", "ann")
    assert done.code == Code.INVALID_DATA
    assert "none more than the one before it" in done.err


def test_bids_under_seal_are_kept_by_their_bidder_alone(hall: Hall, tmp_path: Path) -> None:
    kept = tmp_path / "ann.json"
    with hall.coordinating(
        *("--form", "committed", "--commit-for", "50", "--for", "60", "--bond", "7"),
        *("--lot", "desk", "--bidder", "ann", "--bidder", "ben", "--name", "it"),
    ) as waiting:
        while hall.auction("show", "it").code != Code.OK:
            assert waiting.process.poll() is None
        hall.ran("commit", "it", "25", "--by", "ann", "--keep", str(kept))
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert (
            "there is such a file"
            in hall.auction("commit", "it", "26", "--by", "ann", "--keep", str(kept)).err
        )
        done = hall.auction("commit", "it", "9", "--by", "ben")
        salt = done.err.split()[-1]
        assert {row[1] for row in rows(hall.shown("it"))} == {"sealed"}
        while hall.shown("it")["standing"]["remarks"] != ["bids are revealed"]:
            assert waiting.process.poll() is None
        hall.ran("reveal", "it", "--by", "ann", "--kept", str(kept))
        hall.ran("reveal", "it", "9", "--salt", salt, "--by", "ben")
        assert waiting.line() == "it: decided ann at 9"
        assert waiting.wait().code == Code.OK
    follow = hall.ran("show", "it", "--follow")
    assert "outcome   decided" in follow


def test_what_does_not_fit_is_refused(hall: Hall, tmp_path: Path) -> None:
    hall.opened("--form", "sealed", "--for", "60")
    assert "one lot takes one amount" in hall.auction("bid", "it", "1", "2", "--by", "ann").err
    assert "no clock runs there" in hall.auction("stop", "it", "--by", "ann").err
    assert "no such field" in hall.auction("open", "--lot", "x", "--step", "3").err
    missing = hall.auction("bid", "none", "1", "--by", "ann")
    assert missing.code == Code.NOT_FOUND
    assert "give --kept" in hall.auction("reveal", "it", "9", "--by", "ann").err
    kept = tmp_path / "kept.json"
    assert "allowed: 1 to" in hall.auction("commit", "it", "0", "--keep", str(kept)).err
    assert not kept.exists()
    kept.write_text('{"session":"it","bidder":"ann","amount":9,"salt":"x"}', "utf-8")
    stranger = hall.auction("reveal", "it", "--kept", str(kept))
    assert "keeps another bid: by = 'operator', allowed: ann" in stranger.err
    elsewhere = hall.auction("reveal", "other", "--by", "ann", "--kept", str(kept))
    assert "keeps another bid: session = 'other', allowed: it" in elsewhere.err
    kept.write_text("{}", "utf-8")
    assert "keeps no bid" in hall.auction("reveal", "it", "--kept", str(kept)).err
    assert "excludes" in hall.auction("reveal", "it", "9", "--kept", str(kept)).err
    assert "exclude each other" in hall.auction("show", "it", "--at", "1", "--follow").err


def test_a_process_of_its_own_knows_every_protocol(hall: Hall) -> None:
    done = run(
        "session",
        "open",
        hall.space,
        "consensus",
        *("--set", "low=0", "--set", "high=1"),
        "--name",
        "it",
        "--server",
        hall.url,
    )
    assert (done.code, done.out) == (Code.OK, "it\n"), done.err


def test_words_need_a_session() -> None:
    with pytest.raises(Rejected, match="no clock runs there"):
        answer_of(SessionState(), None, accepts=True)
    assert bid_of(SessionState(opening=AuctionOpened(lot="x")), [3]).__struct_fields__


def test_generic_commands_work_for_every_form(hall: Hall) -> None:
    for protocol, settings in (
        ("english_auction", ("lot=desk",)),
        ("clock_auction", ("lot=desk", "start=10")),
        ("dutch_auction", ("lot=desk", "start=10")),
        ("multi_unit_auction", ("lot=hour", "units=2")),
        ("committed_auction", ("lot=desk",)),
    ):
        flags = [flag for one in settings for flag in ("--set", one)]
        place = ("--server", hall.url)
        opened = invoke("session", "open", hall.space, protocol, *flags, "--name", protocol, *place)
        assert opened.out == f"{protocol}\n"
        shown = invoke("session", "show", hall.space, protocol, "--json", *place)
        assert shown.json["protocol"] == protocol
        assert invoke("session", "cancel", hall.space, protocol, *place).code == Code.OK
    said = invoke(
        *("session", "open", hall.space, "clock_auction", "--set", "lot=desk"),
        *("--name", "again", "--server", hall.url),
    )
    assert said.code == Code.OK
    answer = ("--set", "price=1", "--set", "accepts=false", "--by", "ann", "--server", hall.url)
    assert invoke("session", "say", hall.space, "again", *answer).code == Code.OK
