"""The measurements behind the claims, re-run by `moft bench`: the paper's tables, other systems' objectives, and the cost."""
