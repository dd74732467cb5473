"""``python -m ecgnoise``: the command-line program."""

from ecgnoise.cli import main

main(prog_name="ecgnoise")
