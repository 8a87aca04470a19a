"""Snakemake as it is, but for its SLURM plugin's patience.

The plugin waits 10 s longer after every look at the queue that found nothing finished; a test has
no time for that.
"""

import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor

Executor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, value: None)

if __name__ == "__main__":
    main(sys.argv[1:])
