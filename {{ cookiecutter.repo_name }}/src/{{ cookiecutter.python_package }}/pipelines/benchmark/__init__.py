"""Compares models on many data sets, as configured and tuned."""

from .pipeline import create_pipelines

__all__ = ["create_pipelines"]
