"""Test the pipeline of SQL statements."""
