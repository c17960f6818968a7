"""Classifies many reviews with the registered model, and reports the result."""

from .pipeline import create_pipelines

__all__ = ["create_pipelines"]
