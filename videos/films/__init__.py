"""Films: what a skill does, drawn by OpenGL or by rays, encoded, side by side or as a still."""
