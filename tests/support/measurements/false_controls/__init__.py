"""Rewrite the answers of test helpers in recorded measurements, and judge what the probe would have written."""
