"""MLflow tracking: a parent run per Kedro run, a child run per model, a champion."""

from .hook import TrackingHook

__all__ = ["TrackingHook"]
