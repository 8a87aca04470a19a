"""Tables and figures for people: statistics over images and seeds, looks, prose."""
