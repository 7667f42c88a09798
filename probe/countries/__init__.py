"""Name countries and their regions offline."""
