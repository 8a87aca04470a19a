"""What the workflow knows besides its rules: config, code, resources, locks, what a person sees.

Nothing here imports torch: all of it is read before the first job, and again by every job.
"""
