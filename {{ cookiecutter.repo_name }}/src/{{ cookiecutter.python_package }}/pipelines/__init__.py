"""The project's pipelines. Each package in this folder is registered by itself.

A package offers ``create_pipeline()``, which returns the pipeline of its name, or
``create_pipelines(parameters)``, which returns pipelines by name. Instead of a
pipeline it may return a function that builds the pipeline when it is first used.
"""
