"""Test the HTML page in Chromium."""
