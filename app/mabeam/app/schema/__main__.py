"""Write the generated files of this repository anew: run it in the repository's root."""

from __future__ import annotations

import sys
from pathlib import Path

from mabeam.app.schema import changes, export, reference, tables_reference

FOLDER = Path("docs/reference")
SCHEMAS = Path("schemas")

if any(change.is_breaking for change in changes(SCHEMAS)):
    sys.exit("recorded events could be read no more: mabeam schema check")
for changed in export(SCHEMAS):
    sys.stderr.write(f"schemas/{changed}\n")
FOLDER.mkdir(parents=True, exist_ok=True)
_ = (FOLDER / "events.md").write_text(reference(), encoding="utf-8")
_ = (FOLDER / "sql-tables.md").write_text(tables_reference(), encoding="utf-8")
