"""Generate and load the JSON Schema of a measurement."""
