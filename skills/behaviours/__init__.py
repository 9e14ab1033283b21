"""The small policies that make the embedded data, and how they were trained."""
