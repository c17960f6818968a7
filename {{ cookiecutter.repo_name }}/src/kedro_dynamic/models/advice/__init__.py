"""Warnings that a senior colleague would give, each with the line to write."""

from kedro_dynamic.models.advice.checks import advise
from kedro_dynamic.models.advice.console import advise_on_table
from kedro_dynamic.models.advice.models import find_edges
from kedro_dynamic.models.advice.view import Advice

__all__ = ["Advice", "advise", "advise_on_table", "find_edges"]
