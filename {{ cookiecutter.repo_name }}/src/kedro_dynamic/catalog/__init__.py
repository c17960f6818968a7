"""Kedro's catalog: names, entries and files of datasets."""
