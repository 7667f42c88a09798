"""Serve HTTP to clients that are not trusted: limits of connections, and reports of bugs without their data."""
