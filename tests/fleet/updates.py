# SPDX-License-Identifier: Apache-2.0
"""The agent's package is updated while its job stages a release."""

import functools
import glob
import hashlib
import http.server
import os
import re
import threading

from documents import as_written
from hosts import OWN_ADDRESS
from processes import run, wait_until

FILE_SERVER_PORT = 8000
RELEASE = {"files": 32, "file_size": 512 * 1024}
LIMIT_MIB_PER_S = 1  # so that the download outlives the update
CAUGHT_S = 60


def make_newer(debs, folder):
    """The same agent in a package of a later version."""
    tree = os.path.join(folder, "newer")
    run("dpkg-deb", "--raw-extract", glob.glob(os.path.join(debs, "shunt-agent_*.deb"))[0], tree)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    with open(control, "w", encoding="utf-8") as file:
        file.write(re.sub(r"^(Version: .*)$", r"\1+newer", text, flags=re.MULTILINE))
    path = os.path.join(folder, "shunt-agent_newer.deb")
    run("dpkg-deb", "--build", "--root-owner-group", tree, path)
    return path


def serve_files(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):  # pylint: disable=arguments-differ
            pass
    server = http.server.ThreadingHTTPServer((OWN_ADDRESS, FILE_SERVER_PORT),
                                             functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def limit_downloads(host):
    host.write("/etc/shunt/agent.yaml", host.read("/etc/shunt/agent.yaml").replace(
        "bitbucket:\n", f"bitbucket:\n  download_limit_mib_per_s: {LIMIT_MIB_PER_S}\n"))
    host.run("systemctl restart shunt-agent")


def job_of(host):
    """(the agent's process, its job's process), both "" where there is none."""
    agent = host.run("systemctl show -P MainPID shunt-agent").strip()
    return agent, host.run(f"pgrep -P {agent} || true").strip()


def update_while_staging(play):
    box, judge = play(), play.judge
    box.make_ready()
    host = box.node("bb2").host
    limit_downloads(host)
    path = box.release("7.9.4", **RELEASE)
    with open(path, "rb") as file:
        sha256 = hashlib.sha256(file.read()).hexdigest()
    server = serve_files(box.artifacts)
    url = f"http://{OWN_ADDRESS}:{FILE_SERVER_PORT}/{os.path.basename(path)}"
    box.wait_plannable()
    box.controller.run(f"shunt upgrade git --to 7.9.4 --artifact {url} --sha256 {sha256} --yes")
    wait_until(lambda: job_of(host)[1], "the job that stages", CAUGHT_S)
    update(box, judge, host)
    judge.equal("the upgrade ends", "done", box.wait_end()["outcome"])
    box.judge_settled("7.9.4")
    box.judge_traffic()
    server.shutdown()


def update(box, judge, host):
    """The job is the same process before and after, and its end is the new agent's to tell."""
    with open(make_newer(box.debs, box.folder), "rb") as deb:
        with open(host.live_path("/tmp/shunt/shunt-agent_newer.deb"), "wb") as copy:
            copy.write(deb.read())
    agent, job = job_of(host)
    line = as_written("sudo apt-get install /tmp/shunt/shunt-agent_*.deb")
    host.run(line.replace("shunt-agent_*", "shunt-agent_newer"))
    version = host.run("dpkg-query -W -f '${Version}' shunt-agent")
    judge.holds("the newer package is installed", version.endswith("+newer"), version)
    now = host.run("systemctl show -P MainPID shunt-agent").strip()
    judge.holds("another agent runs", now not in ("0", agent), f"{agent}, then {now}")
    alive = host.run(f"test -d /proc/{job} && echo alive || echo gone").strip()
    judge.equal(f"its job, process {job}, is", "alive", alive)
    wait_until(lambda: host.run(f"test -d /proc/{job} && echo alive || true") == "",
               "the end of the job", CAUGHT_S)
    jobs = host.run("journalctl --no-pager --unit shunt-agent | grep -c 'stage.*7\\.9\\.4' || true")
    print(f"# lines about staging 7.9.4 in the agent's journal: {jobs.strip()}", flush=True)
