"""Write the generated files of this repository anew: run it in the repository's root."""

from __future__ import annotations

import sys
from pathlib import Path

from mabeam.app.schema import export, reference, tables_reference

FOLDER = Path("docs/reference")

for changed in export(Path("schemas")):
    sys.stderr.write(f"schemas/{changed}\n")
FOLDER.mkdir(parents=True, exist_ok=True)
_ = (FOLDER / "events.md").write_text(reference(), encoding="utf-8")
_ = (FOLDER / "sql-tables.md").write_text(tables_reference(), encoding="utf-8")
