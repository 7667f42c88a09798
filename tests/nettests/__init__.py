"""Tests of the measuring methods."""
