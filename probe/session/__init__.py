"""Hold what the measurements of one run share."""
