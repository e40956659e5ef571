"""Do the reasons agree? Atomise human feedback, match one to one, measure consistency."""
