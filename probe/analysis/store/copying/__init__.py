"""Copy a store between a disk and a bucket."""
