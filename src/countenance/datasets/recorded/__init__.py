"""SHA-256 of every file of the data sets that `get_dataset` can bring. Hashes, not images."""
