"""Damaged files: every reader must give a recording or one of its own errors, whatever a file holds.

``python -m fuzz`` mutates sample files of every format and reads each mutant in a child process with a limit of memory
and of time. What it reports is a finding: an exception that is no ``EcgNoiseError``, a warning, a recording that
breaks its contract, a process that died, ran out of time, or wrote to its output.
"""
