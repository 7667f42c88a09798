"""Link flows to the addresses of endpoints, compare them, and judge each address."""
