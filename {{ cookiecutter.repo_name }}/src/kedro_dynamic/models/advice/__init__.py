"""Warnings that a senior colleague would give, each with the line to write."""
