"""Extracts texts and labels from raw reviews, for the other text pipelines."""

from .pipeline import create_pipelines

__all__ = ["create_pipelines"]
