"""Scenario files: what they may say, and how precisely a fault is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from mabeam.app.demo import SCENARIO
from mabeam.app.scenario import Scenario, parsed, scenario_in
from mabeam.app.scenario.checking import faults
from mabeam.app.scenario.manual import manual
from mabeam.core.errors import Rejected

ROOT = Path(__file__).resolve().parents[2]

GOOD = """
space = "team"

[[agents]]
name = "a"
policies = [{ policy = "truthful_bidder", values = { "*" = 1 } }]

[variables.x]
values = { type = "integer", low = 0, high = 9 }
on_conflict = { name = "priority", parameters = { priorities = { a = 1 } } }

[[steps]]
do = "auction"
name = "s"
lot = "l"
bidders = ["a"]

[[steps]]
do = "wait"
sessions = ["s"]
"""


def refusal(text: str) -> Rejected:
    with pytest.raises(Rejected) as raised:
        _ = parsed(text.encode(), "team.toml")
    assert str(raised.value).startswith("team.toml")
    return raised.value


def test_the_shipped_files_are_scenarios() -> None:
    files = sorted((ROOT / "examples").glob("*.toml"))
    assert [file.name for file in files] == [
        "coding-team.toml",
        "data-pipeline.toml",
        "delegation.toml",
        "shared-cluster.toml",
        "workshop.toml",
    ]
    for file in files:
        scenario = scenario_in(file)
        assert scenario.steps
        assert scenario.expect.state
    assert files[0].resolve() == SCENARIO


def test_the_page_about_scenario_files_is_current() -> None:
    page = ROOT / "docs" / "reference" / "scenarios.md"
    assert page.read_text("utf-8") == manual(), "write it: python -m mabeam.app.scenario.manual"


def test_the_page_explains_every_choice_and_field() -> None:
    page = manual()
    for tag in ("truthful_bidder", "stubborn_proposer", "session", "say", "schedule", "linear"):
        assert f"`{tag}`: " in page
    assert "|  |\n" not in page, "a field without a meaning"


AUCTION = 'do = "session"\nname = "c"\nprotocol = "auction"\n'


def test_a_scenario_is_read() -> None:
    scenario = parsed(GOOD.encode(), "team.toml")
    assert scenario.space == "team"
    assert [agent.name for agent in scenario.agents] == ["a"]
    assert list(scenario.variables) == ["x"]
    assert len(scenario.steps) == 2


@pytest.mark.parametrize(
    ("old", "new", "field", "value", "allowed"),
    [
        ('space = "team"', "", "space", "", "text"),
        ('space = "team"', "space = 1", "space", "1", "text"),
        ('space = "team"', 'space = "t"\nagent = 1', "agent", "1", "agents, space, steps"),
        ('name = "a"', 'nam = "a"', "agents[0].nam", "a", "name, role"),
        ('policy = "truthful_bidder"', 'policy = "thruthful_bider"', "agents[0].policies[0].policy",
         "thruthful_bider", "truthful_bidder, shading_bidder"),
        ('policy = "truthful_bidder", ', "", "agents[0].policies[0].policy", "",
         "approving_voter, budgeted_bidder"),
        ('{ "*" = 1 }', '{ "*" = "much" }', "agents[0].policies[0].values.*", "much",
         "a whole number"),
        ("[{ policy", "[5, { policy", "agents[0].policies[0]", "5", "a table"),
        ("[{ policy", "5 # { policy", "agents[0].policies", "5", "a list"),
        ('policy = "truthful_bidder"', 'policy = "shading_bidder", percent = 200',
         "agents[0].policies[0].percent", "200", "0 to 100"),
        ('policy = "truthful_bidder"', 'policy = "truthful_bidder", price = 2',
         "agents[0].policies[0].price", "2", "policy, value, values"),
        ('policy = "truthful_bidder", values = { "*" = 1 }', 'policy = "supervisor", favours = []',
         "agents[0].policies[0].policy", "{'favours': [], 'policy': 'supervisor'}",
         "Expected `array` of length >= 1 - at `$.favours`"),
        ("high = 9", "high = 9.5", "variables.x.values.high", "9.5", "a whole number"),
        ("high = 9", "high = 9, hihg = 9", "variables.x.values.hihg", "9", "high, type"),
        ('type = "integer"', 'type = "int"', "variables.x.values.type", "int", "integer, "),
        ('{ name = "priority"', '{ named = "priority"', "variables.x.on_conflict.named",
         "priority", "name, version"),
        ('do = "auction"', 'do = "action"', "steps[0].do", "action", "auction, declare"),
        ('do = "auction"', "", "steps[0].do", "",
         "declare, auction, consensus, session, say, propose, wait"),
        ('policy = "truthful_bidder", values = { "*" = 1 }', 'policy = "honest_voter", value = "x"',
         "agents[0].policies[0].value", "x", "a decimal number"),
        ('policy = "truthful_bidder", values = { "*" = 1 }', 'policy = "honest_voter", value = nan',
         "agents[0].policies[0].value", "nan", "a decimal number"),
        ('policy = "truthful_bidder", values = { "*" = 1 }',
         'policy = "honest_voter", value = true',
         "agents[0].policies[0].value", "True", "a decimal number"),
        ('lot = "l"', 'lot = "l"\nwait = "no"', "steps[0].wait", "no", "true or false"),
        ('lot = "l"', 'lot = "l"\ntie_break = "dice"', "steps[0].tie_break", "dice", "canonical"),
        ('lot = "l"', 'lot = "l"\nopen_for_seconds = 0', "steps[0].open_for_seconds", "0",
         "a number above 0 to 3600"),
        ('bidders = ["a"]', 'bidders = "a"', "steps[0].bidders", "a", "a list"),
        ('bidders = ["a"]', "bidders = [1]", "steps[0].bidders[0]", "1", "text"),
        ('bidders = ["a"]', 'bidders = ["b"]', "steps[0].bidders", "b", "a"),
        ('lot = "l"', 'lot = "l"\nvariable = "y"', "steps[0].variable", "y", "x"),
        ('sessions = ["s"]', 'sessions = ["t"]', "steps[1].sessions", "t", "s"),
        ('sessions = ["s"]', "state = 1", "steps[1].state", "1", "a table"),
        ('do = "wait"\nsessions = ["s"]', 'do = "declare"\nvariables = ["x", "x"]', "variables",
         "x", "each name once"),
        ('do = "wait"\nsessions = ["s"]', 'do = "declare"\nvariables = ["z"]',
         "steps[1].variables", "z", "x"),
        ('do = "wait"\nsessions = ["s"]', 'do = "auction"\nname = "s"\nlot = "m"', "sessions",
         "s", "each name once"),
        ('do = "wait"\nsessions = ["s"]',
         'do = "propose"\nvariable = "x"\nproposals = [{ by = "b", value = 1 }]',
         "steps[1].proposals", "b", "a"),
        ('do = "wait"\nsessions = ["s"]',
         'do = "consensus"\nname = "c"\nlow = 0\nhigh = 1\nvoters = { b = 1 }',
         "steps[1].voters", "b", "a"),
        ('do = "wait"\nsessions = ["s"]',
         'do = "consensus"\nname = "c"\nvoters = 3', "steps[1].voters", "3", "a table or a list"),
        ('do = "wait"\nsessions = ["s"]', 'do = "session"\nname = "c"\nprotocol = "duel"',
         "steps[1].protocol", "duel", "auction, consensus"),
        ('do = "wait"\nsessions = ["s"]',
         AUCTION + "fields = { lots = 3 }",
         "steps[1].fields.lots", "3", "lot, reserve"),
        ('do = "wait"\nsessions = ["s"]',
         AUCTION + 'fields = { lot = "l", reserve = -1 }',
         "steps[1].fields.reserve", "-1", "0 to "),
        ('do = "wait"\nsessions = ["s"]',
         AUCTION + 'fields = { lot = "l", participants = ["b"] }',
         "steps[1].fields.participants", "b", "a"),
        ('do = "wait"\nsessions = ["s"]',
         AUCTION + 'fields = { lot = "l", variable = "y" }',
         "steps[1].fields.variable", "y", "x"),
        ('do = "wait"\nsessions = ["s"]',
         AUCTION.replace('"c"', '"s"') + 'fields = { lot = "l" }', "sessions", "s",
         "each name once"),
        ('do = "wait"\nsessions = ["s"]', 'do = "say"\nsession = "t"\nby = "a"',
         "steps[1].session", "t", "s, variable/x"),
        ('do = "wait"\nsessions = ["s"]',
         'do = "say"\nsession = "s"\nby = "b"\nfields = { amount = 3 }', "steps[1].by", "b", "a"),
        ('do = "wait"\nsessions = ["s"]', 'do = "say"\nsession = "s"\nby = "a"\ntype = "shout"',
         "steps[1].type", "shout", "bid_placed"),
        ('do = "wait"\nsessions = ["s"]',
         'do = "say"\nsession = "s"\nby = "a"\nfields = { sum = 3 }', "steps[1].fields.sum", "3",
         "amount, note"),
        ('do = "wait"\nsessions = ["s"]',
         'do = "consensus"\nname = "c"\nvoters = { a = "x" }', "steps[1].voters.a", "x",
         "a whole number"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_file_field_value_and_what_is_allowed(
    old: str, new: str, field: str, value: str, allowed: str
) -> None:
    assert old in GOOD
    found = refusal(GOOD.replace(old, new, 1))
    assert (found.field, found.value) == (field, value)
    assert found.allowed.startswith(allowed) or set(allowed.split(", ")) <= set(
        found.allowed.split(", ")
    )


def test_what_is_no_toml_is_told_with_its_place() -> None:
    assert "line 2" in str(refusal("space = 'x'\nspace\n"))
    assert "is no TOML" in str(refusal("space = 'x'\nspace"))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(Rejected, match="is no TOML"):
        _ = parsed(b"\xff\xfe", "team.toml")


def test_two_agents_of_one_name_are_refused() -> None:
    text = GOOD.replace("[variables.x]", '[[agents]]\nname = "a"\n\n[variables.x]')
    assert refusal(text).field == "agents"


@pytest.mark.parametrize(
    "data",
    [
        {"space": "t", "agents": [], "steps": []},
        {"space": "t", "agents": [{"name": "a", "metadata": {"k": "v"}}], "steps": []},
        {
            "space": "t",
            "agents": [],
            "steps": [],
            "variables": {
                "c": {
                    "values": {
                        "type": "composite",
                        "parts": {"p": {"type": "boolean"}, "q": {"type": "float", "low": 0,
                                                                  "high": 1, "step": 0.5}},
                    }
                }
            },
            "constraints": {
                "k": {"type": "linear", "weights": {"c": 1}, "relation": "<", "bound": 1.5}
            },
            "expect": {"state": {"a.b": None}, "events": {"t": 3}},
        },
    ],
)  # fmt: skip
def test_the_check_finds_nothing_exactly_where_msgspec_finds_nothing(data: dict[str, Any]) -> None:
    assert list(faults(data, Scenario)) == []
    assert isinstance(msgspec.convert(data, Scenario), Scenario)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("space",), 1),
        (("agents",), {}),
        (("agents", 0), 3),
        (("agents", 0, "name"), None),
        (("agents", 0, "capabilities"), [1]),
        (("agents", 0, "metadata"), []),
        (("agents", 0, "policies"), {"policy": "shading_bidder"}),
        (("variables", "x", "values", "low"), True),
        (("variables", "x", "update"), "never"),
        (("steps", 0, "reserve"), 1.5),
        (("steps", 0, "wait"), 1),
        (("steps", 0, "do"), 7),
        (("expect",), {"events": {"t": "x"}}),
    ],
)
def test_whatever_msgspec_would_refuse_the_check_has_found_before(
    path: tuple[str | int, ...], value: object
) -> None:
    data: Any = {
        "space": "t",
        "agents": [{"name": "a"}],
        "steps": [{"do": "auction", "name": "s", "lot": "l"}],
        "variables": {"x": {"values": {"type": "integer", "low": 0, "high": 1}}},
    }
    assert list(faults(data, Scenario)) == []
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(data, Scenario)
    assert list(faults(data, Scenario))
