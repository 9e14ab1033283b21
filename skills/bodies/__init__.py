"""What moves, and how? Environments, their batched simulation, mazes, reference scores, and what motion means."""
