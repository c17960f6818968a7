"""Slow tests: rendered projects, installed and used through every command."""
