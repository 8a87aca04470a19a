"""How a network learns: schedule, loop, checkpoints, validation."""
