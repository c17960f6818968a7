"""Predicts the target of new rows with the champion."""

from .pipeline import create_pipelines

__all__ = ["create_pipelines"]
