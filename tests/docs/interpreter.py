"""A process that runs the Python blocks of one page, as one program.

Each line of standard input is a block, as JSON; each is answered with what it printed. A
process of its own, because a page may register event types, or change what a process has
only one of.
"""

from __future__ import annotations

import io
import json
import sys
import traceback
from contextlib import redirect_stdout
from types import ModuleType


def run(source: str, page: str, line: int, program: ModuleType) -> dict[str, str]:
    """Run a block; return what it printed, and the traceback if it failed."""
    printed = io.StringIO()
    failure = ""
    # Blank lines above it give its lines the numbers they have on the page.
    padded = "\n" * (line - 1) + source
    with redirect_stdout(printed):
        try:
            exec(compile(padded, page, "exec", dont_inherit=True), vars(program))  # noqa: S102 - that is its purpose
        except (Exception, SystemExit):  # noqa: BLE001 - whatever the page does is told
            failure = traceback.format_exc()
    return {"printed": printed.getvalue(), "failure": failure}


def main() -> None:
    """Answer every block."""
    answers = sys.stdout
    program = ModuleType("__main__")
    sys.modules["__main__"] = program
    for request in sys.stdin:
        block = json.loads(request)
        answer = run(block["source"], block["page"], block["line"], program)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
