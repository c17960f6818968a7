"""Brings raw reviews into the form that the other text pipelines read."""

from .pipeline import create_pipelines

__all__ = ["create_pipelines"]
