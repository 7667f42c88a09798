"""What is written down, after OONI's data formats: failures, entries, transactions, measurements."""
