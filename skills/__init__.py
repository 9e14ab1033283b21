"""Finds skills in offline robot data; `skills.pipeline.discover` is the whole of it, stage by stage."""
