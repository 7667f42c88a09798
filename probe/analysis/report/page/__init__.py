"""Write a comparison as one HTML file that sends no request. All texts in it are treated as untrusted."""
