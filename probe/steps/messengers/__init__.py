"""Exchange the first messages of messengers' own protocols."""
