"""What only an administrator may do: commands of the kernel, for tests marked ``root``.

Without the rights or the tools such a test is skipped, and says so; where ``CI`` is true their
absence is a failure. What the kernel itself does not have is skipped everywhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

import pytest

__all__ = ["require", "run", "run_if_able"]

# Programs and the Debian packages they come in.
_PACKAGES = {
    "ip": "iproute2",
    "iptables": "iptables",
    "mkfs.ext4": "e2fsprogs",
    "mount": "mount",
    "nsenter": "util-linux",
    "strace": "strace",
    "unshare": "util-linux",
}


def require(*programs: str) -> None:
    """Skip the test, or fail it where CI is true, without the rights or the programs."""
    missing = ["the rights of root"] if os.geteuid() else []
    missing += [f"{name} ({_PACKAGES[name]})" for name in programs if shutil.which(name) is None]
    if missing:
        lacks = f"this test needs {', '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(lacks)
        pytest.skip(lacks)


def run(*command: str) -> str:
    """Run a command that must succeed; return what it says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def run_if_able(feature: str, command: Sequence[str]) -> None:
    """Run a command, and skip the test if this kernel does not have what it asks for."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this kernel has no {feature}: {' '.join(command)}: {done.stderr.strip()}")
