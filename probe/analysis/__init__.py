"""Compute verdicts from measurements, and compare them. README.md describes the way of a measurement.

Nothing here measures or uses the network. Optional libraries (DuckDB, pyarrow, pyspark) are imported by
`store`, `spark` and `report`, and elsewhere inside functions. So `probe run` and `probe judge` do without them.
"""
