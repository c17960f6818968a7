"""Random sequences of what people do, one after the other."""
