"""Define the records in OONI's data formats: failures, entries, transactions, measurements."""
