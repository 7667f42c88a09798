"""Write the result of one run as an HTML page. All texts in it are treated as untrusted."""
