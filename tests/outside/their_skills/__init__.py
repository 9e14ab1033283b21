"""What another package adds to skills: a reward maker, a learner, a source of data and a measure."""
