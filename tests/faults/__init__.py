"""Commands that are killed at any moment, and disks that fail: what was there before must be there after."""
