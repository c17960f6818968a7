"""Columns of a raw table: what each holds, how its cells are read, how it is encoded.

A fitted model carries ``encoder`` and ``cells``, which import numpy, pandas and
scikit-learn only.
"""
