# SPDX-License-Identifier: Apache-2.0
"""
The fleet in its box: a cluster with Shunt, and this program in the place of users and operators.
"""

import contextlib
import json
import os
import time

import standin
from cluster import FIRST_VERSION, HTTP_PORT, PATIENCE_S, SSH_PORT
from documents import as_written
from installation import Installation
from processes import Daemon, Failed, run, wait_until

CLUSTER = "git"
TRAFFIC = os.path.join(standin.TOP, "deploy", "demo", "traffic")


class Box(Installation):
    def __init__(self, *things, **given):
        super().__init__(*things, **given)
        self.excused = []  # (begin, end) in ms: what was lost then, a fault has cut
        self.traffic = None

    def end(self):
        if self.traffic is not None:
            self.traffic.stop()
        super().end()

    def make_ready(self, with_traffic=True):
        """All of the above, for scenarios that are about something else."""
        self.begin()
        self.install_packages()
        self.set_up()
        self.wait_plannable()
        if with_traffic:
            self.start_traffic()

    # The operator's.

    def ask(self, *words):
        """What the CLI says as JSON, or None."""
        _, output = self.controller.attempt(f"shunt {' '.join(words)} --json", deadline_s=30,
                                            is_told=False)
        try:
            return json.loads(output)
        except ValueError:
            return None

    def plan_line(self, version):
        return as_written("shunt plan git --to 7.9.4 --artifact "
                          "/srv/atlassian-bitbucket-7.9.4.tar.gz").replace("7.9.4", version)

    def upgrade_line(self, version, *options):
        line = as_written("shunt upgrade git --to 7.9.4 --artifact "
                          "/srv/atlassian-bitbucket-7.9.4.tar.gz --watch")
        line = line.removesuffix(" --watch").replace("7.9.4", version)
        return " ".join([line, *options])

    def wait_agents(self):
        """Until the controller has heard of all."""
        def are_seen():
            status, said = self.controller.attempt("shunt nodes git", deadline_s=30)
            return status == 0 and said.count(FIRST_VERSION) >= len(self.nodes)
        wait_until(are_seen, "that all agents are seen", PATIENCE_S)

    def wait_plannable(self, version="7.9.4"):
        """Until everyone has found everyone."""
        self.offer(version)
        said = [""]

        def is_good():
            status, said[0] = self.controller.attempt(self.plan_line(version), deadline_s=60)
            return status == 0
        try:
            wait_until(is_good, "a plan without a failed check", PATIENCE_S)
        except Failed as failure:
            raise Failed(f"{failure}\n{said[0]}") from failure

    def begin_upgrade(self, version):
        self.offer(version)
        self.controller.run(self.upgrade_line(version, "--yes"))

    def progress(self):
        status = self.ask("status", CLUSTER)
        return status and status.get("upgrade")

    def wait(self, what, holds, deadline_s=PATIENCE_S):
        seen = [None]

        def look():
            seen[0] = self.progress()
            return seen[0] if seen[0] and holds(seen[0]) else None
        try:
            return wait_until(look, what, deadline_s)
        except Failed as failure:
            raise Failed(f"{failure}; it is: {json.dumps(seen[0])[:2000]}") from failure

    def at_step(self, name, *steps):
        def holds(seen):
            if seen["phase"] == "ended":
                raise Failed(f"{name} was not seen in {steps}: the upgrade ended {seen['outcome']}")
            row = next(row for row in seen["nodes"] if row["node"] == name)
            return row["place"] == "working" and row["step"] in steps
        return self.wait(f"{name} in step {'/'.join(steps)}", holds)

    def wait_end_or_question(self, deadline_s=300):
        return self.wait("the end, or a question",
                         lambda seen: seen["phase"] == "ended" or seen["is_waiting"], deadline_s)

    def wait_end(self, deadline_s=300):
        return self.wait("the end of the upgrade", lambda seen: seen["phase"] == "ended",
                         deadline_s)

    def end_with_resume(self, questions_most=6):
        """Who is asked says `shunt resume git`, as README.md has it. How it ended, why if not done,
        and what was asked."""
        asked = []
        for _ in range(questions_most + 1):
            seen = self.wait_end_or_question()
            if seen["phase"] == "ended":
                break
            asked.append(words_of(seen["reason"]))
            self.controller.run(as_written("shunt resume git"))
            self.wait("that it goes on", lambda now: not now["is_waiting"])
        return {"outcome": seen["outcome"], "why": words_of(seen["reason"]), "asked": asked}

    # Users.

    def start_traffic(self, **given):
        ready = os.path.join(self.folder, "traffic.ready")
        options = {"clients": 2, "slow": 1, "slow_ms": 300, "rate": 40, "clone_pause_ms": 250,
                   "failures_kept": 10_000, **given}
        repository = os.path.join(self.shared_home, "data", "repositories", "demo.git")
        commit = run("git", "-c", "safe.directory=*", "--git-dir", repository, "rev-parse",
                     "HEAD").strip()
        front = self.lb_host.address
        words = [TRAFFIC, "--http", f"{front}:{HTTP_PORT}", "--ssh", f"{front}:{SSH_PORT}",
                 "--ready", ready, "--commit", commit, "--scratch", self.folder,
                 "--result", os.path.join(self.folder, "traffic.json")]
        for name, value in options.items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        self.traffic = Daemon("traffic", words, os.path.join(self.folder, "traffic.log"))
        wait_until(lambda: os.path.exists(ready), "traffic of every kind", PATIENCE_S, self.traffic)

    @contextlib.contextmanager
    def excuse(self, seconds):
        """What is lost from here until so long after the end."""
        begin = time.time() * 1000
        yield
        self.excused.append((begin, (time.time() + seconds) * 1000))

    def judge_traffic(self):
        """Nothing was lost but what a fault has cut."""
        traffic, self.traffic = self.traffic, None
        if traffic.stop(60) != 0:
            raise Failed(f"traffic ended badly\n{traffic.last_words()}")
        with open(os.path.join(self.folder, "traffic.json"), encoding="utf-8") as file:
            result = json.load(file)
        lost = [failure for failure in result["failures"]
                if not any(begin <= failure["at_ms"] and
                           failure["at_ms"] - failure["after_ms"] <= end
                           for begin, end in self.excused)]
        cut = len(result["failures"]) - len(lost)
        self.judge.holds(f"of {result['requests_total']} requests and {result['clones_total']} "
                         f"clones none failed" + (f" but {cut} that the fault cut" if cut else ""),
                         not lost and result["requests_total"] > 0 and result["clones_total"] > 0,
                         json.dumps(lost[:5], indent=1))

    def last_words(self):
        """For people, where something has gone wrong."""
        for host in self.hosts:
            yield f"--- {host.name}\n" + host.journal("shunt-agent", "shunt-controller",
                                                      "bitbucket", lines=30)
        with open(self.controller.transcript, encoding="utf-8") as transcript:
            yield "--- typed on the controller's host\n" + transcript.read()[-6000:]


def words_of(error):
    """Message and hint as the operator reads them."""
    return "; hint: ".join(filter(None, (error["message"], error["hint"]))) if error else ""
