"""A program's wall time and peak memory, from its start to its end."""

import subprocess
import sys

# The system counts the memory of the process that starts another as the other's: start it from a small one.
LAUNCHER = """
import os, sys, time
start = time.perf_counter()
silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
process = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ, file_actions=silent)
_, status, usage = os.wait4(process, 0)
print(status, time.perf_counter() - start, usage.ru_maxrss / 1024)
"""


def launch(*arguments: str) -> tuple[float, float]:
    """Wall time in s and peak memory in MB of one run of Python with these arguments."""
    command = [sys.executable, "-S", "-c", LAUNCHER, *arguments]
    status, wall, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if status != "0":
        raise SystemExit(f"python {' '.join(arguments)} ended with {status}")
    return float(wall), float(peak)
