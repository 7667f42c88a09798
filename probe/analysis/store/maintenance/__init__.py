"""Migrate, check, compact and describe a store, and remove measurements from it."""
