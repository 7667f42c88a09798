"""Declare columns and statements of the pipeline, and build the SQL expressions that they share."""
