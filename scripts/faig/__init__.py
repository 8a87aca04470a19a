"""FAIG: which filters of a restoration network remove which degradation.

Method and definitions: Xie et al., "Finding Discriminative Filters for Specific Degradations in
Blind Super-Resolution", NeurIPS 2021, arXiv 2108.01070 (called "the paper" in the docstrings).
"""
