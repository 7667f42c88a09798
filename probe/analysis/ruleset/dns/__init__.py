"""Define the rules about name resolution and about resolvers that are targets themselves."""
