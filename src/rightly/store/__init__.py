"""Storage: fingerprints of the inputs of records, record files, run folders."""
