"""Policy learners, one a file: transitions and a reward matrix -> a policy with a head per skill."""
