"""Keep measurements as Parquet tables, in any number, and judge them again without the results files."""
