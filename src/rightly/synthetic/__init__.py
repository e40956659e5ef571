"""Synthetic worlds in which every reason is known exactly, for testing judges that train in minutes on a CPU."""
