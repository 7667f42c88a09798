"""Compare verdicts between vantage points and over time, and find when interference began and ended."""
