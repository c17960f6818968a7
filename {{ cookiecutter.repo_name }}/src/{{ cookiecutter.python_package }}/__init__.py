"""Machine learning pipelines that follow ``parameters.yml``."""

__version__ = "0.1.0"
