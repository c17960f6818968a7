"""Fits, scores and compares every model of ``parameters.yml``."""

from .pipeline import create_pipelines

__all__ = ["create_pipelines"]
