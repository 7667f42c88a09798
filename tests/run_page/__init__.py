"""Test the page of one run."""
