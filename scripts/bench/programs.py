"""What the measuring scripts share: the machine's facts, and the JSON object that a command prints."""
import json
import os
import platform
import subprocess


def cores():
    return len(os.sched_getaffinity(0))


def run(command, **options):
    """The JSON object that the command prints; what it says beside that is shown when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} ended with exit status {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout)


def processor():
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
