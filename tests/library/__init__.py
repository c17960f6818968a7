"""Tests of the engine, which a rendered project does not get."""
