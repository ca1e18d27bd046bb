"""Run what a command does, and end it in order when it is interrupted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["complete"]

ResultT = TypeVar("ResultT")


def complete(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run asynchronous work to its end and return its result.

    Ctrl-C and the signal TERM cancel it, so that servers are stopped and connections closed.

    Raises:
        KeyboardInterrupt: It was cancelled so, and has ended.
    """
    try:
        return asyncio.run(_terminable(work))
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error


async def _terminable(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work
