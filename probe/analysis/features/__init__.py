"""Compute the feature rows that rules read, from the observations of one measurement."""
