# SPDX-License-Identifier: Apache-2.0
"""A fleet of one cluster in one folder: stand-ins, a load balancer, a controller with its Redis, agents."""

import getpass
import json
import os
import subprocess

import standin
from processes import Daemon, Failed, is_listening, wait_until, write_file

CLUSTER = "git"
FIRST_VERSION = "7.9.0"
READY_S = 30
UNIT_NICE = -10  # as deploy/systemd/*.service.in have it

CONTROLLER_CONFIG = """\
controller:
  name: demo
  state_dir: {folder}/controller
redis: embedded
clusters:
  - name: {cluster}
    base_url: http://{front}:{http_port}
    credentials:
      user: admin
      password_file: {folder}/admin.password
    nodes:
{nodes}
    load_balancers:
{load_balancer}
    policy:
      max_unavailable: 1
      min_available: 2
      drain:
        deadline: 60s
      soak: {soak_ms}ms
      on_failure: rollback-cluster
"""

AGENT_CONFIG = """\
cluster: {cluster}
node: {node.name}
state_dir: {node.folder}/agent
key_file: {keys}/node.key
redis:
  url: unix://{folder}/controller/redis/redis.sock
  user: agent.{cluster}.{node.name}
  password_file: {keys}/redis.password
controllers_file: {keys}/controllers
bitbucket:
  releases: {node.releases}
  artifacts: {folder}/artifacts
  install_link: {node.link}
  home: {node.home}
  address: {node.address}
  http_port: {node.http_port}
  ssh_port: {node.ssh_port}
  service:
    kind: script
    user: {user}
    environment:
{environment}
"""


class Fleet:
    """`addresses` are those of the nodes; `front` and its ports are where users come in;
    `balancer` is the class of the load balancer there."""

    def __init__(self, folder, build_dir, addresses, front, http_port, ssh_port, balancer,
                 soak_ms=2000, **standin_properties):
        self.folder, self.build_dir, self.soak_ms = folder, build_dir, soak_ms
        self.front, self.http_port, self.ssh_port = front, http_port, ssh_port
        self.shared_home = os.path.join(folder, "shared-home")
        self.config = os.path.join(folder, "shunt.yaml")
        self.daemons = []
        self.agents = {}
        standin.make_shared_home(self.shared_home, **standin_properties)
        self.nodes = [standin.Node(os.path.join(folder, f"bb{number}"), f"bb{number}", address,
                                   7990, 7999, self.shared_home)
                      for number, address in enumerate(addresses, 1)]
        self.lb = balancer(folder, front, http_port, ssh_port, self.nodes)
        self.controller = None

    # Start.

    def start(self):
        self._refuse_foreign_listeners()
        self.start_nodes()
        self.lb.start()
        self.daemons.append(self.lb.daemon)
        self.start_controller()
        for node in self.nodes:
            self.start_agent(node)

    def _refuse_foreign_listeners(self):
        ports = [(self.front, self.http_port), (self.front, self.ssh_port)]
        for node in self.nodes:
            ports += [(node.address, node.http_port), (node.address, node.ssh_port)]
        for address, port in ports:
            if is_listening(address, port):
                raise Failed(f"something listens on {address}:{port} already: another demo?")

    def start_nodes(self):
        tarball = self.release(FIRST_VERSION)
        for node in self.nodes:
            node.install(tarball, FIRST_VERSION)
            node.start()
        for node in self.nodes:
            node.wait_running()

    def release(self, version):
        return standin.make_release(version, os.path.join(self.folder, "artifacts"))

    def start_controller(self):
        write_file(os.path.join(self.folder, "admin.password"), "admin\n", 0o600)
        write_file(self.config, self._controller_config())
        self.controller = self._daemon("controller", "shunt-controller", self.config)
        for node in self.nodes:
            wait_until(lambda node=node: os.path.exists(os.path.join(self._keys(node),
                                                                     "controllers")),
                       f"the controller's files for {node.name}", READY_S, self.controller)
        wait_until(lambda: os.path.exists(os.path.join(self.folder, "controller", "redis",
                                                       "redis.sock")),
                   "the controller's Redis", READY_S, self.controller)

    def start_agent(self, node):
        path = os.path.join(node.folder, "agent.yaml")
        write_file(path, self._agent_config(node))
        self.agents[node.name] = self._daemon(f"agent-{node.name}", "shunt-agent", path)

    def _daemon(self, name, program, config):
        daemon = Daemon(name, [self.program(program), "--config", config],
                        os.path.join(self.folder, f"{name}.log"), nice=UNIT_NICE)
        self.daemons.append(daemon)
        return daemon

    def program(self, name):
        part = {"shunt-agent": "node-agent"}.get(name, "controller")
        return os.path.join(self.build_dir, part, name)

    # Configuration.

    def _keys(self, node):
        return os.path.join(self.folder, "controller", "agents", f"{CLUSTER}.{node.name}")

    def _controller_config(self):
        nodes = "\n".join(f"      - name: {node.name}\n        url: {node.url}\n"
                          f"        ssh_port: {node.ssh_port}" for node in self.nodes)
        return CONTROLLER_CONFIG.format(
            folder=self.folder, cluster=CLUSTER, front=self.front, http_port=self.http_port,
            nodes=nodes, load_balancer=self.lb.yaml(), soak_ms=self.soak_ms)

    def _agent_config(self, node):
        environment = "\n".join(f"      {name}: \"{value}\""
                                for name, value in node.environment.items())
        return AGENT_CONFIG.format(cluster=CLUSTER, node=node, folder=self.folder,
                                   keys=self._keys(node), user=getpass.getuser(),
                                   environment=environment)

    # The operator's command line.

    def shunt(self, *arguments, deadline_s=170):
        """For people to see; returns the exit status."""
        print(f"\n$ shunt {' '.join(arguments)}", flush=True)
        return subprocess.run([self.program("shunt"), "--config", self.config, *arguments],
                              timeout=deadline_s, stdin=subprocess.DEVNULL, check=False).returncode

    def ask(self, *arguments, deadline_s=30):
        """(exit status, output, error output) of a command that is not for people to see."""
        done = subprocess.run([self.program("shunt"), "--config", self.config, *arguments],
                              timeout=deadline_s, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def history(self):
        status, output, complaint = self.ask("history", CLUSTER, "--json")
        if status != 0:
            raise Failed(f"shunt history: status {status}\n{complaint}")
        return json.loads(output)["upgrades"]

    def wait_plan(self, version, artifact):
        """Until everyone has found everyone: the controller the agents, the agents their nodes."""
        last = [""]

        def is_good():
            status, output, complaint = self.ask("plan", CLUSTER, "--to", version, "--artifact",
                                                 artifact)
            last[0] = output + complaint
            return status == 0

        try:
            wait_until(is_good, "a plan without a failed check", READY_S, self.controller)
        except Failed as failure:
            raise Failed(f"{failure}\n{last[0]}") from failure

    # From the outside.

    def versions(self):
        return {node.name: node.version() for node in self.nodes}

    def cluster_states(self):
        """What each node says, with upgrade mode where that is on."""
        states = set()
        for node in self.nodes:
            cluster = node.cluster()
            mode = " in upgrade mode" if cluster["upgradeModeEnabled"] else ""
            states.add(cluster["state"] + mode)
        return ", ".join(sorted(states))

    def last_words(self):
        for daemon in self.daemons:
            yield f"--- {daemon.name}\n{daemon.last_words()}"

    # End.

    def stop(self):
        """Agents and controller first, which end their own children, then what they served.
        Returns complaints."""
        complaints = []
        served_by = [daemon for daemon in self.daemons if daemon is not self.lb.daemon]
        for daemon in reversed(served_by):
            status = daemon.stop()
            if status != 0:
                complaints.append(f"{daemon.name} ended with status {status}")
        for node in self.nodes:
            try:
                node.stop()
            except Failed as failure:
                complaints.append(str(failure))
        if self.lb.daemon is not None:
            self.lb.daemon.stop()
        return complaints
