"""A pytest plugin (``-p tests.faults.mutated``): the run's kernel lacks what ``BINAAN_TEST_WITHOUT`` names."""

from __future__ import annotations

import os

from tests.faults.mutants import MUTANTS

MUTANTS[os.environ["BINAAN_TEST_WITHOUT"]]()
