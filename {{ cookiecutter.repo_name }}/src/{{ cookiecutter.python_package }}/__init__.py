"""Machine learning pipelines that are configured in ``parameters.yml``."""

__version__ = "0.1.0"
