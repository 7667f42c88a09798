"""The store: lines as Parquet tables, however many there are; judged again without reading the lines again."""
