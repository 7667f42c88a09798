"""Show a comparison as a web page or in a notebook."""
