"""Migrate, check, describe, copy and judge a store again, and remove measurements from it."""
