"""Datasets made here: the policies that ship, and how they play."""
