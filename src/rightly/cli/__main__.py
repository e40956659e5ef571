"""``python -m rightly.cli``."""

from rightly.cli import main

main()
