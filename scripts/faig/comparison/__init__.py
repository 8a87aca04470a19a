"""Two branches or one: controls of equal cost, codes, and probes of what they know."""
