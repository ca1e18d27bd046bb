"""An image of nats-server for tests, made where no registry can be reached.

It holds two static programs and nothing else: the nats-server that mabeam's dependencies
bring, and as much of ``wget`` as a health check needs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from mabeam.infra.embedded.binary import find_binary

__all__ = ["IMAGE_VARIABLE", "OFFICIAL", "Missing", "nats_image", "require_engine"]

IMAGE_VARIABLE: Final = "MABEAM_NATS_IMAGE"
"""Names the image to use instead of the official one, for the tests as for Compose."""

OFFICIAL: Final = "nats:2.15.1-alpine"

_DOCKERFILE: Final = """\
FROM scratch
COPY nats-server wget /usr/local/bin/
ENV PATH=/usr/local/bin
EXPOSE 4222 6222 8222
ENTRYPOINT ["nats-server"]
"""


class Missing(Exception):
    """Something that tests with containers need is not on this machine."""


@cache
def require_engine() -> None:
    """Return if a Docker engine answers.

    Raises:
        Missing: None does.
    """
    _require("docker")
    _run("the Docker engine does not answer", "docker", "version")


@cache
def nats_image() -> str:
    """Return an image with nats-server and wget: the one named, the official one, or our own.

    Nothing is fetched. Our own is built if the official one is not on this machine.

    Raises:
        Missing: There is none, and none can be built.
    """
    require_engine()
    if named := os.environ.get(IMAGE_VARIABLE):
        return named
    look = ["docker", "image", "inspect", OFFICIAL]
    found = subprocess.run(look, check=False, capture_output=True).returncode == 0
    return OFFICIAL if found else _build()


def _build() -> str:
    _require("cc")
    version = _run("nats-server", str(find_binary()), "--version").split()[-1].removeprefix("v")
    tag = f"mabeam/nats-server:{version}"
    with tempfile.TemporaryDirectory(prefix="mabeam-image-") as folder:
        context = Path(folder)
        (context / "Dockerfile").write_text(_DOCKERFILE, encoding="utf-8")
        _ = shutil.copy(find_binary(), context / "nats-server")
        source = Path(__file__).with_name("wget.c")
        compile_it = ("cc", "-static", "-Os", "-s", "-o", str(context / "wget"), str(source))
        _ = _run("wget.c does not compile to a static program", *compile_it)
        _ = _run("the image cannot be built", "docker", "build", "--tag", tag, folder)
    return tag


def _require(program: str) -> None:
    if shutil.which(program) is None:
        raise Missing(f"there is no program {program!r}")


def _run(what: str, *command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{what}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
