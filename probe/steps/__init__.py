"""One network operation per file: each does it, records it in one entry and names its failure."""
