"""Measures what is claimed: how well it steers, the paper's tables, other systems' objectives beside it, and
the cost."""
