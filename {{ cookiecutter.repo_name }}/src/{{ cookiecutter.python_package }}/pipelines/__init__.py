"""One package per pipeline family."""
