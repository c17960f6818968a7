"""Builds, cross-validates, scores and tunes models."""
