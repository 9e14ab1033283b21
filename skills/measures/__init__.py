"""What a run's skills are worth: an overview of each from its rollouts, and six measures with intervals.

overview.py says what every skill does. The others are one a file in judged/; they see a skill only through its trials
and the judge (judge.py), which never learns from the rows that discovery learned from. truth.py asks for the behaviours
that made the data, where known. expert.py and ranking.py are of runs with a single expert.
"""
