"""Training of scalar reward models, judges, matchers and ensembles, one room each."""
