"""``python -m rightly``: the command line."""

from rightly.cli import main

main()
