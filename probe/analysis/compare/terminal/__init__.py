"""Print comparisons and series for a terminal of 40 to 80 columns."""
