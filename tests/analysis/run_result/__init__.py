"""Test the words for the results of a run."""
