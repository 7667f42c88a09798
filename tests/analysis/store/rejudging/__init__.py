"""Test that the measurements of a store are judged again."""
