"""State the policy: which follow-ups are tried after which outcome, on which conditions, and how often."""
