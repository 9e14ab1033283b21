"""Finds skills in offline robot data; `skills.discovery.discover` is the whole of it, stage by stage."""
