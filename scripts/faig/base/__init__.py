"""What everything else stands on: errors, files and tables, checksums, seeds, progress, device.

Knows nothing of images, networks or filters.
"""
