"""OONI's lines → the rows that our own lines give, so that the same rules judge both; and no more than they carry."""

from probe.analysis.ooni_import.measurement import is_ooni, read_ooni

__all__ = ["is_ooni", "read_ooni"]
