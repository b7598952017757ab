# SPDX-License-Identifier: Apache-2.0
"""
Hosts of the fleet: each a whole Debian under systemd-nspawn, an overlay of one base, with an
address of its own on a bridge in the network namespace that this program has to itself. What is
done to a host is what can be done to a machine: type a line, reboot it, cut its power.
"""

import os
import shlex
import subprocess
import time

from ground import BRIDGE, NETWORK, groups_of_ours, lay_over
from processes import Failed, wait_until, write_file

BOOT_S, END_S = 90, 60
NSPAWN_AGAIN = 133  # its status when what it has booted asks for a reboot
LINE_S = 120  # of a line that is typed, unless it says otherwise
ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
               "LC_ALL=C.UTF-8", "TERM=dumb", "DEBIAN_FRONTEND=noninteractive")
# Into groups of its own first: nspawn and what it boots use the ones they find themselves in.
BOOT = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'


class Host:
    """`binds` are directories of this machine by where the host has them."""

    def __init__(self, ground, name, number, binds=None):
        self.name, self.address = name, f"{NETWORK}.{number}"
        self.folder = os.path.join(ground.folder, name)
        self.transcript = os.path.join(self.folder, "transcript")
        self._binds = binds or {}
        self._group = os.path.join(ground.group, name)
        self._process, self._leader = None, None
        self.root = lay_over(ground.base, self.folder)
        self.write("/etc/hostname", f"{self.name}\n")
        self.write("/etc/hosts", f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        self.write("/etc/fleet-address", f"ADDRESS={self.address}\n")

    # Power.

    def begin_boot(self):
        wait_until(lambda: subprocess.run(["ip", "link", "show", f"vb-{self.name}"],
                                          capture_output=True, check=False).returncode != 0,
                   f"the end of the old link of {self.name}", END_S)
        groups = []
        for _, ours in groups_of_ours():
            groups.append(os.path.join(ours, self._group))
            os.makedirs(groups[-1], exist_ok=True)
        command = ["systemd-nspawn", "--quiet", "--boot", f"--directory={self.root}",
                   f"--machine={self.name}", "--register=no", "--keep-unit", "--console=pipe",
                   "--link-journal=no", f"--network-bridge={BRIDGE}",
                   *(f"--bind={ours}:{theirs}" for theirs, ours in self._binds.items()),
                   "systemd.show_status=no", "systemd.log_level=warning"]
        with open(os.path.join(self.folder, "console"), "ab") as console:
            self._process = subprocess.Popen(["/bin/sh", "-c", BOOT, "sh", *groups, "--", *command],
                                             stdin=subprocess.DEVNULL, stdout=console,
                                             stderr=console, start_new_session=True)

    def wait_booted(self):
        wait_until(self._is_up, f"{self.name} to have booted", BOOT_S)

    def boot(self):
        self.begin_boot()
        self.wait_booted()

    def _is_up(self):
        if self._process.poll() is not None:
            raise Failed(f"{self.name} did not boot:\n{self.console()}")
        try:
            self._leader = self._find_leader()
            state = self.run("systemctl is-active multi-user.target", check=False,
                             is_told=False).strip()
        except (OSError, subprocess.SubprocessError):
            return False
        return state == "active"

    def _find_leader(self):
        """Process 1 of the host: what nspawn has for a child, which changes with each reboot."""
        pid = self._process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            found = children.read().split()
        if len(found) != 1:
            raise OSError(f"{self.name} has {len(found)} first processes")
        return found[0]

    def reboot(self):
        """As an administrator asks for it. It is down then, and boots with boot()."""
        self.run("systemctl reboot", check=False)
        status = self._process.wait(END_S)
        if status != NSPAWN_AGAIN:
            raise Failed(f"{self.name} went down with status {status}, not to boot again\n"
                         f"{self.console()}")

    def cut_power(self):
        """Every process of it ends at once; boot() gives it back."""
        group = next(os.path.join(ours, self._group)
                     for is_unified, ours in groups_of_ours() if is_unified)
        write_file(os.path.join(group, "cgroup.kill"), "1\n")
        self._process.wait(END_S)
        self._process = None

    def end(self):
        if self._process is not None and self._process.poll() is None:
            self.cut_power()
        subprocess.run(["umount", "--recursive", "--lazy", self.root], check=False)

    # What is done on it.

    def path(self, path):
        """Of a file of the host, seen from here; what is on its own mounts is not there."""
        return self.root + path

    def live_path(self, path):
        """The same through the running host, with all of its mounts."""
        return f"/proc/{self._leader}/root{path}"

    def write(self, path, text, mode=0o644):
        """Before it boots, or where nobody looks at it at the same time."""
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        write_file(self.path(path), text, mode)
        os.chmod(self.path(path), mode)

    def read(self, path):
        with open(self.path(path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def command(self, line, answers=None):
        if answers is not None:  # those who ask want a terminal
            line = f"script --quiet --return --command {shlex.quote(line)} /dev/null"
        return ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--net",
                "--pid", "--cgroup", "--root", "--wd", "/usr/bin/env", "-i", *ENVIRONMENT,
                "bash", "-c", f"cd; {line}"]

    def begin(self, line):
        """Types a line, as root, and does not wait for its end."""
        return subprocess.Popen(self.command(line), stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def attempt(self, line, answers=None, deadline_s=LINE_S, is_told=True):
        """(exit status, output) of a line, which the transcript has."""
        begun = time.monotonic()
        given = {"input": answers} if answers is not None else {"stdin": subprocess.DEVNULL}
        try:
            done = subprocess.run(self.command(line, answers), **given, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=deadline_s, check=False,
                                  encoding="utf-8", errors="replace")
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{self.name}$ {line}: no end within {deadline_s} s\n"
                         f"{(late.stdout or b'').decode(errors='replace')}") from late
        if is_told:
            with open(self.transcript, "a", encoding="utf-8") as out:
                out.write(f"{self.name}$ {line}\n{done.stdout}"
                          f"[{done.returncode}, {time.monotonic() - begun:.1f} s]\n")
        return done.returncode, done.stdout

    def run(self, line, check=True, **options):
        """The output of a line, which is to go well."""
        status, output = self.attempt(line, **options)
        if check and status != 0:
            raise Failed(f"{self.name}$ {line}: status {status}\n{output}")
        return output

    # What it says when something has gone wrong.

    def console(self):
        with open(os.path.join(self.folder, "console"), encoding="utf-8", errors="replace") as text:
            return text.read()[-4000:]

    def journal(self, *units, lines=40):
        named = " ".join(f"--unit {unit}" for unit in units)
        try:
            return self.attempt(f"journalctl --no-pager --lines {lines} {named}", deadline_s=20,
                                is_told=False)[1]
        except (Failed, OSError) as failure:
            return str(failure)
