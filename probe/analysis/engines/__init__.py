"""Run the rules' SQL on SQLite and DuckDB."""
