"""What is on disk: fingerprints of what a record was made from, record files, run folders."""
