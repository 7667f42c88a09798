"""Test what the local servers share."""
