"""The page about the cluster says what works: each of its commands is run here, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from typing import Final

import pytest

from docs.pages import ROOT, Block, agrees, blocks_of, commands_of
from support.compose import Cluster

_PAGE: Final = (ROOT / "docs/how-to/run-a-cluster.md").read_text(encoding="utf-8")
_BLOCKS: Final = blocks_of(_PAGE)
_PORTS: Final = re.compile(r"MABEAM_NATS_PORT_\d:-(\d+)")
_DATA: Final = "docker volume ls --quiet --filter label=com.docker.compose.project={project}"


def volumes(project: str) -> list[str]:
    """Return the volumes of a Compose project."""
    command = _DATA.format(project=project).split()
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_what_others_leave_out_of_the_page_is_run_here() -> None:
    excuses = {block.excuse for block in _BLOCKS if block.language != "text"}
    assert excuses == {"it needs containers, so tests/containers runs it"}


def test_the_page_names_the_ports_that_compose_publishes() -> None:
    ports = _PORTS.findall((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    addresses = ",".join(f"nats://127.0.0.1:{port}" for port in ports)
    assert f"\n$ export MABEAM_NATS_URL={addresses}\n" in _PAGE


@pytest.mark.timeout(300)
def test_each_command_of_the_page_works(image: str, compose: list[str]) -> None:
    project = f"mabeam-page-{os.getpid()}"
    cluster = Cluster(compose, image, project)
    try:
        for block, below in pairwise((*_BLOCKS, Block("", "", 0))):
            if block.language == "python":
                run_program(block.text, below.text, cluster)
            elif block.language == "console":
                run_commands(block, cluster, project)
    finally:
        cluster.run("docker compose down --volumes")
    assert {"up", "ps", "kill", "down"} <= {command.split()[2] for command in cluster.commands}


def run_program(text: str, shown: str, cluster: Cluster) -> None:
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "MABEAM_NATS_URL": ",".join(cluster.urls)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert agrees(shown, done.stdout), done.stdout + done.stderr


def run_commands(block: Block, cluster: Cluster, project: str) -> None:
    for command in commands_of(block):
        if command.text.startswith("export "):
            continue
        cluster.run(command.text)
        if " up" in command.text:
            cluster.await_healthy()
        if " down" in command.text:
            assert bool(volumes(project)) == ("--volumes" not in command.text)
