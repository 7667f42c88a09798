"""Read OONI's measurements into the rows of our measurements, so that the same rules judge both.

Only what OONI recorded is read. Data formats: https://github.com/ooni/spec/tree/master/data-formats, read 2026-11-24.
"""

from probe.analysis.ooni_import.ooni_measurement import is_ooni, read_ooni

__all__ = ["is_ooni", "read_ooni"]
