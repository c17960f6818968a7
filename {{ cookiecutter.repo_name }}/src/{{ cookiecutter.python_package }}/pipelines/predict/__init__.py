"""Classifies new flowers with the champion."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
