"""Build and parse the datagrams of a media flow between the probe and the test helper."""
