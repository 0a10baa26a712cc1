"""Many jobs: kept in one file, done by several processes, gone on with after any interruption."""
