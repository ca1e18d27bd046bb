"""A leader counts as one only while it hears from a majority."""

from __future__ import annotations

import msgspec
import pytest

from mabeam.infra.jetstream.answers import StreamAnswer

SECOND = 1_000_000_000
HEARD = {"active": SECOND // 2}
SILENT = {"active": 4 * SECOND}
GONE = {"active": SECOND // 2, "offline": True}


@pytest.mark.parametrize(
    ("peers", "is_led"),
    [
        ([], True),
        ([HEARD, HEARD], True),
        ([HEARD, SILENT], True),
        ([HEARD, GONE], True),
        ([SILENT, SILENT], False),
        ([SILENT, GONE], False),
        ([HEARD, HEARD, SILENT, SILENT], True),
        ([HEARD, SILENT, SILENT, SILENT], False),
    ],
)
def test_a_leader_without_word_from_a_majority_may_be_replaced(
    peers: list[dict[str, int]], *, is_led: bool
) -> None:
    answer = msgspec.convert({"cluster": {"leader": "n0", "replicas": peers}}, StreamAnswer)
    assert answer.is_led == is_led


def test_a_server_without_a_cluster_leads() -> None:
    assert StreamAnswer().is_led
