"""Define `probe ui`, which gives the functions of the other commands to the interface in the browser."""
