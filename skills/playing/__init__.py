"""What does a policy do? Skills played in simulated worlds, for the page and for the measures."""
