"""Photographs on their way to a network: sources, archives, degradations, the store, batches."""
