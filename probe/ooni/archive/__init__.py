"""Select and fetch files of OONI's public archive."""
