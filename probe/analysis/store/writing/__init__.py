"""Add measurements to a store: read, flatten, judge, and load into partitions."""
