"""What can be set? The frozen dataclasses of a configuration, and the presets that fill them in."""
