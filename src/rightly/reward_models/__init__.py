"""Scalar reward models, which give a response a number: load, pack, score, check and save them."""
