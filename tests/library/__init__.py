"""Tests of the library, which a rendered project does not get."""
