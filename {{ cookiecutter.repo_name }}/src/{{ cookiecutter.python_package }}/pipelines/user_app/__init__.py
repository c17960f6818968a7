"""Puts the logged sentiment model to use, and reports what it finds."""

from .pipeline import create_pipelines

__all__ = ["create_pipelines"]
