# SPDX-License-Identifier: Apache-2.0
"""Apache httpd with mod_jk in front of the stand-ins, each behind an AJP connector."""

import os

from ajp import Gateway
from balancer import Balancer
from processes import Daemon, write_file

AJP_PORT = 8009
MODULES = ("mpm_event", "authz_core", "authz_host", "status")

CONFIG = """\
ServerRoot {folder}/apache
ServerName {address}
PidFile {folder}/apache/httpd.pid
ErrorLog {folder}/apache/error.log
Listen {address}:{http_port}
Mutex file:{folder}/apache
DefaultRuntimeDir {folder}/apache
{modules}
LoadModule jk_module /usr/lib/apache2/modules/mod_jk.so
KeepAliveTimeout 60
MaxKeepAliveRequests 0

JkWorkersFile {folder}/apache/workers.properties
JkShmFile {folder}/apache/jk.shm
JkLogFile {folder}/apache/jk.log
JkMount /jkstatus status
JkMount /* lb
<Location "/jkstatus">
    Require ip 127.0.0.0/8
</Location>
"""

# recovery_options 3: nothing that a node may have seen is sent to another one.
WORKERS = """\
worker.list=lb,status
worker.status.type=status
worker.lb.type=lb
worker.lb.recovery_options=3
worker.lb.balance_workers={names}
{workers}
"""

WORKER = """\
worker.n{number}.type=ajp13
worker.n{number}.host={address}
worker.n{number}.port={port}
worker.n{number}.recovery_options=3
worker.n{number}.connection_pool_timeout=1
"""


class Httpd(Daemon):
    """With the connectors, which end when it ends."""

    def __init__(self, gateways, *arguments):
        self._gateways = gateways
        super().__init__(*arguments)

    def stop(self, *arguments, **options):
        status = super().stop(*arguments, **options)
        for gateway in self._gateways:
            gateway.close()
        self._gateways = []
        return status


class ModJK(Balancer):
    driver = "mod_jk"
    has_ssh = False
    settings = {"restart_settle": "3s"}  # no answer here takes longer

    def write_configuration(self):
        folder = f"{self.folder}/apache"
        os.makedirs(folder, exist_ok=True)
        self._config_path = f"{folder}/httpd.conf"
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES)
        numbers = range(1, len(self.nodes) + 1)
        write_file(self._config_path, CONFIG.format(
            folder=self.folder, address=self.address, http_port=self.http_port, modules=modules))
        write_file(f"{folder}/workers.properties", WORKERS.format(
            names=",".join(f"n{number}" for number in numbers),
            workers="".join(WORKER.format(number=number, address=node.address, port=AJP_PORT)
                            for number, node in zip(numbers, self.nodes))))

    def launch(self):
        gateways = [Gateway(node.address, AJP_PORT, (node.address, node.http_port))
                    for node in self.nodes]
        return Httpd(gateways, "apache", ["/usr/sbin/apache2", "-DFOREGROUND", "-f",
                                          self._config_path], f"{self.folder}/apache.log")

    def addresses(self):
        return [f"http://{self.address}:{self.http_port}/jkstatus"]

    def members(self, number, _node):
        return [f"lb/n{number}"]
