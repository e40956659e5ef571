"""Rightly: reward models and judges that are right for the right reasons."""

__version__ = "0.1.0"
