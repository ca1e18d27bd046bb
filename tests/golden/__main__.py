"""Write the golden samples that are missing: ``PYTHONPATH=tests python -m golden``."""

from __future__ import annotations

import sys

from golden.samples import file_of, write_missing

for sample in write_missing():
    sys.stdout.write(f"wrote {file_of(sample)}\n")
