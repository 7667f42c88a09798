"""OONI's public archive: which of its files answer a question, and how they come here."""
