"""Open SMTP and IMAP sessions as far as STARTTLS."""
