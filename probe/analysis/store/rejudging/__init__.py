"""Judge the measurements of a store again."""
