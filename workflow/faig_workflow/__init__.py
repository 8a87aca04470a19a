"""What the workflow knows besides its rules."""
