"""A run: its checks, lock, provenance, failures, and what it prints."""
