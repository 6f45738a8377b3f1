"""Two hosts on one machine: network namespaces with their own names and addresses, joined by a link that can delay
and lose what it carries, or be cut.

The link is a pair of TAP devices whose frames a thread hands over, so it needs no packet scheduler of the kernel's.
Needs root, iproute2 and /dev/net/tun. Everything made here ends with the `with` block, and nothing else is touched.
"""
import contextlib
import fcntl
import heapq
import os
import pathlib
import random
import select
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME = 65536


def why_not():
    """The reason why hosts cannot be made here, or None."""
    if os.geteuid() != 0:
        return "making network namespaces takes root"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun here"
    for tool in ("ip", "unshare", "mpirun"):
        if not shutil.which(tool):
            return f"no {tool} here"
    name = f"dnmf-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode != 0:
        return f"network namespaces are not permitted: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    try:
        os.close(Link.open_tap(f"dnmf{os.getpid()}"))
    except OSError as error:
        return f"TAP devices are not permitted: {error}"
    return None


class Link(threading.Thread):
    """Hands frames from each of two TAP devices to the other: `delay` seconds later, losing a share `loss` of them,
    or none at all while `cut`. The three may be changed at any time."""

    def __init__(self, names, seed=0):
        super().__init__(daemon=True)
        self.delay, self.loss, self.cut = 0.0, 0.0, False
        self.carried = self.lost = 0
        self.dice = random.Random(seed)
        self.ends = [self.open_tap(name) for name in names]
        self.stopped = False

    @staticmethod
    def open_tap(name):
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        return end

    def run(self):
        waiting = []  # (when due, order of arrival, where to, frame)
        order = 0
        while not self.stopped:
            patience = min(0.05, max(0.0, waiting[0][0] - time.monotonic())) if waiting else 0.05
            for end in select.select(self.ends, [], [], patience)[0]:
                frame = os.read(end, FRAME)
                if self.cut or self.dice.random() < self.loss:
                    self.lost += 1
                    continue
                order += 1
                other = self.ends[1 - self.ends.index(end)]
                heapq.heappush(waiting, (time.monotonic() + self.delay, order, other, frame))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, frame = heapq.heappop(waiting)
                self.carried += 1
                try:
                    os.write(end, frame)
                except OSError:  # the device is down or its queue is full: a lost frame
                    self.lost += 1

    def stop(self):
        self.stopped = True
        self.join()
        for end in self.ends:
            os.close(end)


def ip(*arguments):
    subprocess.run(["ip", *map(str, arguments)], check=True, capture_output=True, text=True)


class Hosts:
    """`with Hosts() as hosts:` two hosts, `alpha` and `beta`, on a network of their own."""

    NAMES = ("alpha", "beta")
    NETWORK = "10.77.0.0/24"

    def __enter__(self):
        mark = os.getpid()
        self.spaces = [f"dnmf-{mark}-{name}" for name in self.NAMES]
        self.addresses = ["10.77.0.1", "10.77.0.2"]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dnmf-hosts."))
        taps = [f"dnmf{mark}{name[0]}" for name in self.NAMES]
        self.link = Link(taps)
        for space, tap, address in zip(self.spaces, taps, self.addresses):
            ip("netns", "add", space)
            ip("link", "set", tap, "netns", space)
            ip("-n", space, "address", "add", f"{address}/24", "dev", tap)
            ip("-n", space, "link", "set", tap, "up")
            ip("-n", space, "link", "set", "lo", "up")
        self.link.start()
        self.write_agent()
        return self

    def __exit__(self, *_):
        self.link.stop()
        for host, space in enumerate(self.spaces):
            for pid in self.all_processes(host):  # none, unless a test failed
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
        shutil.rmtree(self.folder)

    def write_agent(self):
        """What stands in for ssh: AGENT ADDRESS COMMAND... Like ssh it reaches a host through the link, or fails."""
        lines = ["#!/bin/bash", "address=$1", "shift",
                 'timeout 2 bash -c ": </dev/tcp/$address/9" 2>/dev/null',  # nobody listens: refused, when it arrives
                 '[ $? -ne 124 ] || { echo "connect to host $address: timed out" >&2; exit 255; }',
                 "case $address in"]
        for space, name, address in zip(self.spaces, self.NAMES, self.addresses):
            lines.append(f'{address}) exec ip netns exec {space} unshare --uts bash -c "hostname {name}; $*" ;;')
        lines += ["esac", 'echo "no host $address" >&2', "exit 255"]
        self.agent = self.folder / "agent"
        self.agent.write_text("\n".join(lines) + "\n")
        self.agent.chmod(0o755)

    def on(self, host, command):
        """The command line that runs `command` on host 0 or 1, whatever the link does."""
        return ["ip", "netns", "exec", self.spaces[host], "unshare", "--uts", "bash", "-c",
                f"hostname {self.NAMES[host]}; exec {shlex.join(map(str, command))}"]

    def all_processes(self, host):
        found = subprocess.run(["ip", "netns", "pids", self.spaces[host]], capture_output=True, text=True)
        return [int(pid) for pid in found.stdout.split()]

    def processes(self, host, program):
        """Ids of the processes of `program` that run on a host."""
        return [pid for pid in self.all_processes(host) if executable(pid) == os.path.realpath(program)]


def executable(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:  # it has ended
        return None
