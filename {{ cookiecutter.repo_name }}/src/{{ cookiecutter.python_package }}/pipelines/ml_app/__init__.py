"""Learns the sentiment of reviews, and predicts it with the same nodes."""

from .pipeline import create_pipelines

__all__ = ["create_pipelines"]
