"""Two branches or one: controls of equal cost, quality, embeddings and what probes find in them."""
