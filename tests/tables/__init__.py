"""Tables with traps, and their innocent twins."""
