"""Send measurements to OONI's server, and keep those that could not be sent."""
