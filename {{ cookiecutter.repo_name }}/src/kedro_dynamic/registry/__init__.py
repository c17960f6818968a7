"""Pipelines that follow the configuration."""
