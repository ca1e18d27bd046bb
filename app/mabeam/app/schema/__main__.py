"""Write the generated files of this repository anew: run it in the repository's root."""

from __future__ import annotations

import sys
from pathlib import Path

from mabeam.app.schema import export, reference

PAGE = Path("docs/reference/events.md")

for changed in export(Path("schemas")):
    sys.stderr.write(f"schemas/{changed}\n")
PAGE.parent.mkdir(parents=True, exist_ok=True)
_ = PAGE.write_text(reference(), encoding="utf-8")
