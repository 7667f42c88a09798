"""Parse and build protocol messages. The codecs use no socket and no clock."""
