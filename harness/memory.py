"""How much memory a process has held at the most."""

import re
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
# Linux, proc_pid_status(5): "Peak resident set size", in KiB.
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def peak_bytes() -> int:
    """The peak of this process's resident memory so far.

    Linux's getrusage(2) counts what the process was before its exec as well, and /proc does not.
    """
    if _STATUS.exists() and (peak := _PEAK.search(_STATUS.read_text())):
        return int(peak[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
