"""What configuration may say, and errors about it in plain words."""
