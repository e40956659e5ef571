"""Synthetic worlds in which every reason is known exactly: test-beds for judges that train in minutes on a CPU."""
