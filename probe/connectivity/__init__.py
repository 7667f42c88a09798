"""Try one endpoint at every address and follow redirects."""
