"""Test what servers of HTTP share: connections of clients, and who counts as one peer."""
