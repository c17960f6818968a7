"""What MLflow knows of a run: what is written, where, and by which calls."""
