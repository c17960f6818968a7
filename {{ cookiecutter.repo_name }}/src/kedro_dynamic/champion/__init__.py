"""The champion: the best model so far, as a version in MLflow's model registry."""
