"""Perform one network operation per file, record it in one entry and name its failure."""
