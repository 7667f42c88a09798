"""Parse and build the first MTProto messages."""
