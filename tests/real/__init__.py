"""Test the probe against real servers, since the lab's own servers may share mistakes with the probe."""
