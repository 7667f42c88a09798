"""Test the interface in the browser, without a browser."""
