"""``python -m wattboard``."""

from wattboard.cli import main

main()
