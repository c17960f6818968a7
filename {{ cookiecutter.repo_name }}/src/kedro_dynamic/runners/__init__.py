"""Runners for other machines."""
