"""Decide from measurements of store_listing whether a storefront lists an app: rules, witnesses and history."""
