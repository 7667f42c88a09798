"""Judge flattened measurements with SQL statements, from observations to verdicts."""
