"""What is on disk? The run folder, what it reads, and what can be made of it."""
