# SPDX-License-Identifier: Apache-2.0
"""
The agent's package is updated while its job is at work. The agent ends its job first, tells of it,
and leaves then; systemd starts the new one.
"""

import contextlib
import glob
import hashlib
import http.server
import os
import re
import threading

from documents import as_written
from ground import OWN_ADDRESS
from processes import run, wait_until

FILE_SERVER_PORT = 8000
RELEASE = {"files": 32, "file_size": 512 * 1024}
LIMIT_MIB_PER_S = 1  # so that the download outlives the update
PLAN_LOOKS = 2
SLOW_STOP_MS = 20000  # longer than an update takes on a busy machine
CAUGHT_S = 120


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


class FileServer(http.server.BaseHTTPRequestHandler):
    """One file, from where it is asked for."""
    path_served, begins = None, []

    def do_GET(self):
        asked = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        begin = int(asked[1]) if asked else 0
        self.begins.append((self.client_address[0], begin))
        with open(self.path_served, "rb") as file:
            data = file.read()
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(data) - begin))
        self.send_header("ETag", '"one"')
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(data[begin:])

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def serve(path):
    FileServer.path_served = path
    server = http.server.ThreadingHTTPServer((OWN_ADDRESS, FILE_SERVER_PORT), FileServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def agent_of(host):
    return host.run("systemctl show -P MainPID shunt-agent").strip()


def staging_job(host):
    """The process that is at it, or ""."""
    if "stage begins" not in host.journal("shunt-agent"):
        return ""
    return host.run(f"pgrep -P {agent_of(host)} || true").strip()


def is_alive(host, pid):
    return host.run(f"test -d /proc/{pid} && echo alive || true").strip() == "alive"


def update_at_work(play):
    """One agent while its job downloads, another while its job stops Bitbucket."""
    box = play()
    box.make_ready()
    limited = box.node("bb2").host
    box.write_for_node(limited, f"download_limit_mib_per_s: {LIMIT_MIB_PER_S}")
    limited.run("systemctl restart shunt-agent")
    path = box.release("7.9.4", **RELEASE)
    with open(path, "rb") as file:
        sha256 = hashlib.sha256(file.read()).hexdigest()
    server = serve(path)
    url = f"http://{OWN_ADDRESS}:{FILE_SERVER_PORT}/{os.path.basename(path)}"
    newer = make_newer(box.debs, box.folder)
    box.node("bb3").set_faults(stop_delay_ms=SLOW_STOP_MS)
    box.wait_plannable()
    box.controller.run(f"shunt upgrade git --to 7.9.4 --artifact {url} --sha256 {sha256} --yes")
    update_while_staging(box, play.judge, newer)
    update_while_stopping(box, play.judge, newer)
    play.judge.equal("the upgrade ends", "done", box.wait_end()["outcome"])
    box.judge_settled("7.9.4")
    box.judge_traffic()
    server.shutdown()


def update_while_staging(box, judge, newer):
    host = box.node("bb2").host
    job = wait_until(lambda: staging_job(host), "the job that stages", CAUGHT_S)
    agent = update(judge, host, newer)
    judge.holds("the job lives", is_alive(host, job), job)
    wait_until(lambda: agent_of(host) not in ("0", agent), "the new agent", CAUGHT_S)
    old = rf"shunt-agent\[{agent}\]: "
    judge.holds("the old agent has told of the end of its job",
                re.search(old + ".*stage is done", host.journal("shunt-agent")))
    begins = [begin for address, begin in FileServer.begins if address == host.address]
    judge.equal("the file was asked for once, after the plan's look at its two ends", [0],
                begins[PLAN_LOOKS:])


def update_while_stopping(box, judge, newer):
    node = box.node("bb3")
    box.at_step("bb3", "stop")
    agent = update(judge, node.host, newer)
    step = next(row for row in box.progress()["nodes"] if row["node"] == "bb3")["step"]
    judge.equal("the stop still goes on", "stop", step)
    wait_until(lambda: agent_of(node.host) not in ("0", agent), "the new agent", CAUGHT_S)
    box.wait("the next step of bb3", lambda seen: any(
        row["node"] == "bb3" and row["step"] not in ("stop", "") for row in seen["nodes"]))
    stops = [line["event"] for line in node.lifecycle() if line["event"] == "stopping"]
    judge.equal("and Bitbucket was told once", 1, len(stops))


def update(judge, host, newer):
    with open(newer, "rb") as deb:
        with open(host.live_path("/tmp/shunt/shunt-agent_newer.deb"), "wb") as copy:
            copy.write(deb.read())
    agent = agent_of(host)
    line = as_written("sudo apt-get install /tmp/shunt/shunt-agent_*.deb")
    host.run(line.replace("shunt-agent_*", "shunt-agent_newer"))
    version = host.run("dpkg-query -W -f '${Version}' shunt-agent")
    judge.holds(f"the newer package is installed on {host.name}", version.endswith("+newer"),
                version)
    judge.equal("the agent is at its job still", agent, agent_of(host))
    return agent
