"""A small disk of its own, that only some processes see, and that ends with them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from support.administration import require, run, run_if_able

__all__ = ["Disk"]


class Disk:
    """An ext4 file system in a file, mounted in a namespace that a process holds.

    It is unmounted when the last process in that namespace ends, whatever death it dies.

    Args:
        folder: An empty folder, for the file and for the place to mount it.
        size_bytes: How large it is.
    """

    def __init__(self, folder: Path, size_bytes: int) -> None:
        require("unshare", "nsenter", "mount", "mkfs.ext4")
        self.path = folder / "disk"
        self.path.mkdir()
        image = folder / "image"
        with image.open("wb") as file:
            _ = file.truncate(size_bytes)
        _ = run("mkfs.ext4", "-q", "-m", "0", str(image))
        mount = ["mount", "-o", "loop", str(image), str(self.path)]
        private = ["unshare", "--mount", "--propagation", "private"]
        run_if_able("loop devices", [*private, *mount])
        # The holder says a word once the disk is there, and stays until its input ends.
        script = f"{' '.join(mount)} && echo mounted && exec cat"
        self._holder = subprocess.Popen(
            [*private, "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"mounted\n"

    @property
    def within(self) -> Sequence[str]:
        """The beginning of a command that runs the rest of it where the disk is seen."""
        return ("nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--")

    def fill(self, leave_bytes: int) -> None:
        """Take away all room but some."""
        free = run(*self.within, "df", "--output=avail", "-B1", str(self.path)).split()[-1]
        size = str(int(free) - leave_bytes)
        _ = run(*self.within, "fallocate", "-l", size, str(self.path / "ballast"))

    def empty(self) -> None:
        """Give the room back."""
        _ = run(*self.within, "rm", str(self.path / "ballast"))

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let it go; whoever still uses it keeps it."""
        self._holder.kill()
        _ = self._holder.communicate()
