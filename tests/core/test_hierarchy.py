"""Trees of delegates: how they are built, what a mandate is, and what is known not to hold."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.hierarchy import (
    Member,
    Node,
    Shape,
    Strategy,
    ancestors,
    authority,
    build_tree,
    check_tree,
    delegated_majority,
    depth,
    direct_majority,
    imbalance,
    may_decide,
    restructure,
    root_of,
    subtree,
)
from mabeam.core.hierarchy.tree import NODES_MAX
from mabeam.core.session import Participant

STRATEGIES: list[Strategy] = ["expertise", "load", "round_robin"]


def team(count: int) -> tuple[Member, ...]:
    return tuple(
        Member(f"agent{n:03}", ("nlp", "code", "tests")[: n % 4], n * 7 % 10) for n in range(count)
    )


def levels(nodes: tuple[Node, ...]) -> list[list[int]]:
    """Return the sizes of the clusters of each level, from below."""
    found: dict[str, list[int]] = {}
    for node in nodes:
        found.setdefault(node.name.partition("-")[0], []).append(len(node.members))
    return [sorted(sizes, reverse=True) for sizes in found.values()]


def node(name: str, *agents: str, **fields: object) -> Node:
    members = tuple(Participant(agent) for agent in agents or (f"of-{name}",))
    return msgspec.convert({"name": name, "members": members, **fields}, Node)


class TestLineage:
    """A scenario of the system this one descends from, exact."""

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_fifteen_agents_in_threes(self, strategy: Strategy) -> None:
        nodes = build_tree(team(15), Shape(cluster_size=3, max_levels=3, strategy=strategy))
        assert [len(sizes) for sizes in levels(nodes)] == [5, 2, 1]
        assert levels(nodes)[0] == [3, 3, 3, 3, 3]
        assert len([one for one in nodes if one.parent]) == 7
        check_tree(nodes)

    def test_thirteen_agents_in_fours_are_balanced(self) -> None:
        nodes = build_tree(team(13), Shape(cluster_size=4, tolerance=Decimal("0.25")))
        assert levels(nodes)[0] == [4, 3, 3, 3]
        assert imbalance(levels(nodes)[0]) <= Decimal("0.25")

    def test_two_agents_are_too_few(self) -> None:
        with pytest.raises(Rejected) as caught:
            build_tree(team(2), Shape())
        refusal = caught.value
        assert (refusal.code, refusal.value, refusal.allowed) == (
            "hierarchy.insufficient",
            "2",
            "6 or more",
        )

    @pytest.mark.parametrize(
        ("shape", "field"),
        [
            (Shape(cluster_size=0), "cluster_size"),
            (Shape(max_levels=0), "max_levels"),
            (Shape(tolerance=Decimal("-0.1")), "tolerance"),
            (Shape(tolerance=Decimal("NaN")), "tolerance"),
            (msgspec.structs.replace(Shape(), strategy="by_mood"), "strategy"),
            (Shape(stakes=(100, 50)), "stakes"),
            (Shape(stakes=(-1,)), "stakes"),
        ],
        ids=str,
    )
    def test_shapes_that_are_none_are_refused(self, shape: Shape, field: str) -> None:
        with pytest.raises(Rejected) as caught:
            build_tree(team(15), shape)
        assert (caught.value.code, caught.value.field) == ("hierarchy.shape", field)

    def test_below_its_target_it_is_restructured_and_nobody_is_lost(self) -> None:
        """The original lost members when it restructured."""
        nodes = build_tree(team(15), Shape(cluster_size=3, max_levels=3))
        shape = Shape(cluster_size=4, strategy="load")
        new = restructure(nodes, team(15), shape, score=Decimal("0.6"), target=Decimal("0.7"))
        assert new != nodes
        assert {a for one in new for a in one.agents} == {m.agent for m in team(15)}
        same = restructure(nodes, team(15), shape, score=Decimal("0.7"), target=Decimal("0.7"))
        assert same == nodes

    def test_an_agent_stands_once(self) -> None:
        with pytest.raises(Rejected, match="each agent once"):
            build_tree((*team(8), Member("agent001")), Shape())

    def test_a_tree_that_no_session_can_ask_is_not_built(self) -> None:
        with pytest.raises(Rejected, match="at most 200 nodes"):
            build_tree(team(400), Shape(cluster_size=3))


class TestBuilding:
    @given(
        st.integers(6, 100),
        st.integers(2, 12),
        st.integers(1, 6),
        st.sampled_from(STRATEGIES),
        st.integers(0, 10),
    )
    def test_every_tree_is_one_and_has_everybody(
        self, count: int, size: int, most: int, strategy: Strategy, tenths: int
    ) -> None:
        shape = Shape(size, most, Decimal(tenths) / 10, strategy)
        nodes = build_tree(team(count), shape)
        check_tree(nodes)
        bottom = [one for one in nodes if one.name.startswith("level0")]
        assert sorted(a for one in bottom for a in one.agents) == [m.agent for m in team(count)]
        assert depth(nodes) < most
        root = root_of(nodes)
        assert all(len(one.members) <= size for one in nodes if one is not root)
        for sizes in levels(nodes):
            assert max(sizes) - min(sizes) <= 1
        for one in nodes:
            if one.parent:
                assert one.speaker in next(n for n in nodes if n.name == one.parent).agents

    def test_experts_in_the_same_are_together(self) -> None:
        members = [Member(f"a{n}", (("code", "nlp")[n % 2],)) for n in range(8)]
        clusters = build_tree(members, Shape(cluster_size=4, strategy="expertise"))[:2]
        assert [set(one.agents) for one in clusters] == [
            {"a0", "a2", "a4", "a6"},
            {"a1", "a3", "a5", "a7"},
        ]

    def test_loads_are_spread_and_the_least_busy_represents(self) -> None:
        members = [Member(f"a{n}", load=n) for n in range(6)]
        clusters = build_tree(members, Shape(cluster_size=3, strategy="load"))[:2]
        load = {member.agent: member.load for member in members}
        sums = [sum(load[agent] for agent in one.agents) for one in clusters]
        assert abs(sums[0] - sums[1]) <= 1
        assert all(load[one.speaker] == min(load[a] for a in one.agents) for one in clusters)

    def test_levels_have_limits_of_their_own_and_the_root_has_none(self) -> None:
        nodes = build_tree(team(15), Shape(cluster_size=3, max_levels=3, stakes=(10, 100, 1000)))
        assert [one.stake_max for one in nodes] == [10] * 5 + [100] * 2 + [None]


CHAIN = (
    node("low", parent="mid", scope=["a"], stake_max=10),
    node("mid", parent="top", scope=["a", "b"], stake_max=100),
    node("top"),
)


class TestMandates:
    @pytest.mark.parametrize(
        ("subject", "stake", "decides"),
        [
            ("a", 10, "low"),
            ("a", 11, "mid"),
            ("b", 5, "mid"),
            ("b", 101, "top"),
            ("c", 0, "top"),
        ],
    )
    def test_the_lowest_with_authority_decides(
        self, subject: str, stake: int, decides: str
    ) -> None:
        for at in ("low", ""):
            assert authority(CHAIN, subject, stake, at).name == decides
        for order in permutations(CHAIN):
            assert authority(order, subject, stake).name == decides

    def test_who_is_beside_is_not_asked(self) -> None:
        nodes = (*CHAIN, node("side", parent="top"))
        assert authority(nodes, "b", 5, "side").name == "side"
        assert authority(nodes, "c", 5, "low").name == "top"

    def test_ways_and_subtrees(self) -> None:
        assert [one.name for one in ancestors(CHAIN, "low")] == ["mid", "top"]
        assert subtree(CHAIN, "mid") == {"low", "mid"}
        assert depth(CHAIN) == 2
        assert may_decide(CHAIN[2], "anything", 10**9)

    @pytest.mark.parametrize(
        ("nodes", "code"),
        [
            ((), "hierarchy.nodes"),
            (tuple(node(f"n{n}") for n in range(NODES_MAX + 1)), "hierarchy.nodes"),
            ((node("a"), node("a")), "hierarchy.nodes"),
            ((node("a" * 65),), "hierarchy.nodes"),
            ((node("a", *(f"m{n}" for n in range(1001))),), "hierarchy.members"),
            ((Node("a", ()),), "hierarchy.members"),
            ((node("a", "x", "x"),), "hierarchy.members"),
            ((node("a", "x", representative="y"),), "hierarchy.representative"),
            ((node("a"), node("b")), "hierarchy.root"),
            ((node("a"), node("b", parent="z")), "hierarchy.parent"),
            ((node("r"), node("a", parent="b"), node("b", parent="a")), "hierarchy.cycle"),
            ((node("r"), node("a", parent="a")), "hierarchy.cycle"),
            ((node("r", stake_max=5),), "hierarchy.mandate"),
            ((node("r", scope=["a"]),), "hierarchy.mandate"),
            ((node("r"), node("a", parent="r", scope=["x"] * 51)), "hierarchy.mandate"),
            ((*CHAIN, node("w", parent="mid", stake_max=1)), "hierarchy.mandate"),
            ((*CHAIN, node("w", parent="mid", scope=["c"], stake_max=1)), "hierarchy.mandate"),
            ((*CHAIN, node("w", parent="mid", scope=["a"])), "hierarchy.mandate"),
            ((*CHAIN, node("w", parent="mid", scope=["a"], stake_max=101)), "hierarchy.mandate"),
        ],
        ids=[f"tree{n}" for n in range(19)],
    )
    def test_what_is_no_tree_of_mandates_is_refused(
        self, nodes: tuple[Node, ...], code: str
    ) -> None:
        with pytest.raises(Rejected) as caught:
            check_tree(nodes)
        assert caught.value.code == code

    @given(
        st.lists(
            st.tuples(st.integers(0, 5), st.none() | st.integers(0, 9), st.none() | st.just(["a"])),
            max_size=6,
        ),
        st.sampled_from("ab"),
        st.integers(0, 9),
    )
    def test_in_every_tree_somebody_may_decide_and_nobody_lower(
        self,
        drawn: list[tuple[int, int | None, list[str] | None]],
        subject: str,
        stake: int,
    ) -> None:
        nodes = [node("n0")]
        for number, (parent, stake_max, scope) in enumerate(drawn, 1):
            above = f"n{parent % number}"
            made = node(f"n{number}", parent=above, stake_max=stake_max, scope=scope)
            nodes.append(made)
        try:
            check_tree(nodes)
        except Rejected:
            return
        for at in ("", *(one.name for one in nodes)):
            found = authority(nodes, subject, stake, at)
            assert may_decide(found, subject, stake)
            below = subtree(nodes, found.name) - {found.name}
            way = {at, *(one.name for one in ancestors(nodes, at))} if at else below
            lower = (one for one in nodes if one.name in below & way)
            assert not any(may_decide(one, subject, stake) for one in lower)


class TestMajorities:
    DISTRICTS = (("yes", "yes", "no"), ("yes", "yes", "no"), ("no", "no", "no"))

    def test_delegates_can_outvote_the_majority(self) -> None:
        """The control: five of nine voters say no, and two of three districts say yes."""
        assert direct_majority(vote for district in self.DISTRICTS for vote in district) == "no"
        assert delegated_majority(self.DISTRICTS) == "yes"

    @given(st.lists(st.sampled_from(["yes", "no", "maybe"])))
    def test_one_district_is_a_plain_vote(self, votes: list[str]) -> None:
        assert delegated_majority([votes]) == direct_majority(votes)

    @given(st.lists(st.sampled_from(["yes", "no"]), min_size=1))
    def test_a_majority_is_more_than_half(self, votes: list[str]) -> None:
        found = direct_majority(votes)
        assert found == "" or 2 * votes.count(found) > len(votes)
        assert found or 2 * votes.count("yes") == len(votes)
