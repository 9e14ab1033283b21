"""What is learned? Classes of transitions, a reward for each, a policy with a head for each."""
