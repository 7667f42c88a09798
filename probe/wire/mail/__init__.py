"""Parse SMTP and IMAP as far as STARTTLS."""
