# SPDX-License-Identifier: Apache-2.0
"""
What the demo must know of a load balancer. A subclass a driver: it writes the server's
configuration, starts it, and says how shunt.yaml names it.
"""

import json
import urllib.request

from processes import wait_until

ASKS_A_NODE = 3  # requests for each node, so that every one that is in rotation answers one


class Balancer:
    driver = ""              # as in shunt.yaml
    has_ssh = True           # it can stand in front of the SSH port, too
    settings = {}            # further keys of its entry in shunt.yaml
    overhead_limit_ms = None  # the median must not be beyond; None: it is shown only

    def __init__(self, folder, address, http_port, ssh_port, nodes):
        self.folder, self.address = folder, address
        self.http_port, self.ssh_port, self.nodes = http_port, ssh_port, nodes
        self.daemon = None
        self.write_configuration()

    def write_configuration(self):
        raise NotImplementedError

    def launch(self):
        """Returns the Daemon."""
        raise NotImplementedError

    def addresses(self):
        raise NotImplementedError

    def members(self, number, node):
        """Of the n-th node, as shunt.yaml has them."""
        raise NotImplementedError

    def start(self):
        self.daemon = self.launch()
        wait_until(lambda: self.in_rotation() == len(self.nodes), "all nodes in rotation", 20,
                   self.daemon)

    def who_answers(self):
        """Names of the nodes that answer new clients, seen from the outside."""
        url = f"http://{self.address}:{self.http_port}/status?rotation"
        found = set()
        for _ in range(ASKS_A_NODE * len(self.nodes)):
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    found.add(answer.headers["X-Standin-Node"])
            except OSError:
                pass  # of this one
        return found

    def in_rotation(self):
        return len(self.who_answers())

    def serves(self, _number):
        """What the server itself says of the n-th node, where it says something."""
        return True

    def health_check(self, _number, _begin, _end):
        """(begin, end, name) of the server's own work before it gives a node its traffic."""
        return ()

    def config(self):
        """Its entry of load_balancers in shunt.yaml."""
        return {"name": "edge", "driver": self.driver, "addresses": self.addresses(),
                **self.settings,
                "members": {node.name: self.members(number, node)
                            for number, node in enumerate(self.nodes, 1)}}

    def yaml(self):
        """The same as text."""
        config = self.config()
        lines = [f"      - name: {config['name']}", f"        driver: {config['driver']}",
                 f"        addresses: {json.dumps(config['addresses'])}",
                 *(f"        {key}: {value}" for key, value in self.settings.items()),
                 "        members:"]
        return "\n".join(lines + [f"          {node}: {json.dumps(members)}"
                                  for node, members in config["members"].items()])
