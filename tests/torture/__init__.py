"""Torture: what is done to the program by bad moments, damaged files, other people's words, hubs and full disks.

    python -m tests.torture                     all of it: an hour and more of two cores
    python -m tests.torture kills --kills 10    a part of it, fewer of them

Each attack runs in a folder and a session of its own. What came of it is judged against what is known to be right: the
bytes of an undisturbed run, or what another reader finds in the same file. An exit code alone proves nothing.
"""
