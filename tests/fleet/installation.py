# SPDX-License-Identifier: Apache-2.0
"""From the packages to agents that are seen, typed as README.md and deploy/README.md have it."""

import glob
import os
import re
import shutil

from cluster import FIRST_VERSION, REDIS_PORT, Cluster, each
from documents import agent_configuration, as_written, password_of
from nodes import ARTIFACTS
from processes import Failed

CONTROLLER_CONFIG = """\
controller: {{name: c1, key_file: /etc/shunt/c1.key}}
redis:
  url: redis://{controller.address}:{redis_port}
  user: shunt-controller
  password_file: /etc/shunt/redis.password
operator: {{name: admin, key_file: /etc/shunt/admin.key}}
operators:
  - {{name: admin, role: approver, key: "{keys[admin]}"}}
clusters:
  - name: git
    base_url: http://{lb.address}
    credentials: {{user: admin, password_file: /etc/shunt/git.password}}
    nodes:
{nodes}
    agents:
      - {{name: lb1}}
    load_balancers:
      - name: edge
        driver: agent
        addresses: [lb1]
        members:
{members}
    policy:
      min_available: 2
      drain: {{deadline: 120s}}
      active: {{deadline: 120s}}
      soak: {soak_s}s
"""

AGENT_YAML = "/etc/shunt/agent.yaml"
OF_LB = """\
load_balancers:
  - {name: edge, driver: haproxy, addresses: ["unix:/run/haproxy/admin.sock"]}
"""


class Installation(Cluster):
    """`debs` is the folder of the packages; `soak_s` is the policy's."""

    def __init__(self, ground, debs, judge, soak_s=1, **given):
        super().__init__(ground, judge, **given)
        self.debs, self.soak_s = debs, soak_s

    def install_packages(self):
        each(self._bring_packages, self.hosts)
        self.controller.run(as_written("sudo apt-get install /tmp/shunt/shunt_*.deb "
                                       "/tmp/shunt/shunt-controller_*.deb"))
        each(lambda host: host.run(as_written("sudo apt-get install /tmp/shunt/shunt-agent_*.deb")),
             self.agents)

    def _bring_packages(self, host):
        host.run("mkdir -p /tmp/shunt")
        for path in glob.glob(os.path.join(self.debs, "*.deb")):
            shutil.copy(path, host.live_path("/tmp/shunt"))

    def set_up(self):
        keys = self._make_keys()
        self._configure_controller(keys)
        self.controller.run(as_written("shunt-controller --config /etc/shunt/shunt.yaml --check"))
        self.controller.run(as_written("systemctl enable --now shunt-controller"))
        each(lambda host: self._set_up_agent(host, keys["c1"]), self.agents)

    def _make_keys(self):
        """Name: public key, of the controller and the operator."""
        line = as_written("shunt keys new NAME")
        keys = {}
        for name in ("c1", "admin"):
            self.controller.run("cd /etc/shunt && " + line.replace("NAME", name))
            keys[name] = self.controller.read(f"/etc/shunt/{name}.pub").strip()
        return keys

    def _configure_controller(self, keys):
        nodes = "\n".join(f"      - {{name: {node.name}, url: \"{node.url}\"}}"
                          for node in self.nodes)
        members = "\n".join(f"          {node.name}: [bb_http/n{number}, bb_ssh/n{number}]"
                            for number, node in enumerate(self.nodes, 1))
        host = self.controller
        host.write("/etc/shunt/shunt.yaml", CONTROLLER_CONFIG.format(
            controller=host, lb=self.lb_host, redis_port=REDIS_PORT, keys=keys, nodes=nodes,
            members=members, soak_s=self.soak_s), 0o640)
        host.write("/etc/shunt/redis.password", password_of("shunt-controller") + "\n", 0o600)
        host.write("/etc/shunt/git.password", "admin\n", 0o600)
        host.run("cd /etc/shunt && chgrp shunt shunt.yaml && "
                 "chown shunt c1.key redis.password git.password")

    def _set_up_agent(self, host, controller_key):
        host.write("/etc/shunt/redis.password", password_of(f"agent.git.{host.name}") + "\n",
                   0o600)
        text = agent_configuration(host.name, f"redis://{self.controller.address}:{REDIS_PORT}",
                                   controller_key)
        if host is self.lb_host:
            text += OF_LB
        else:
            self._bring_what_is_installed(host)
        host.write(AGENT_YAML, text)
        node = next((node for node in self.nodes if node.host is host), None)
        if node is not None and node.service.yaml is not None:
            self.write_for_node(host, f"service: {node.service.yaml}")
        self._enroll(host)
        host.run(as_written("shunt-agent check"))
        host.run(as_written("systemctl enable --now shunt-agent"))

    def _enroll(self, host):
        """The approver compares the key that the node prints with the one that he is shown."""
        key = re.search(r"ed25519:[\w+/=]+", host.run(as_written("shunt-agent enroll")))[0]
        line = as_written("shunt agents accept git bb1").replace("bb1", host.name)
        said = self.controller.run(line, answers="y\n")
        if key not in said:
            raise Failed(f"{host.name} prints {key}, the approver is shown\n{said}")

    @staticmethod
    def _bring_what_is_installed(host):
        folder = as_written("/var/lib/shunt-agent/artifacts")
        host.run(f"mkdir -p {folder} && "
                 f"cp {ARTIFACTS}/atlassian-bitbucket-{FIRST_VERSION}.tar.gz {folder}")

    @staticmethod
    def write_for_node(host, line):
        """A key of what is looked for otherwise."""
        host.write(AGENT_YAML, host.read(AGENT_YAML) + f"bitbucket:\n  {line}\n")
