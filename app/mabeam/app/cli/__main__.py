"""Let `python -m mabeam.app.cli` do what the command `mabeam` does."""

from __future__ import annotations

import sys

from mabeam.app.cli.entry import main

sys.exit(main())
