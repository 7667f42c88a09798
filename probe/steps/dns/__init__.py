"""Resolve names over every transport."""
