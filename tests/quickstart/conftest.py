"""The tests run scripts/quickstart of this checkout for real: it builds build/release."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
