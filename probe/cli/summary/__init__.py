"""Print the result of a run on one screen: one sentence, then one row per app."""
