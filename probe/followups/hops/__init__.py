"""Search for the hop that interferes, after all other flows of a measurement."""
