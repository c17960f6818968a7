"""Training and inference pipelines as one model that MLflow can serve."""
