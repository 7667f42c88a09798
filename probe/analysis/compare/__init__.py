"""Compare verdicts between vantage points and over time."""
