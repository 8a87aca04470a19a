"""What a command needs besides its work: arguments, reuse between runs, checksums of a run.

Only scripts and the workflow import it.
"""
