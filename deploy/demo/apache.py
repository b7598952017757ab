# SPDX-License-Identifier: Apache-2.0
"""Apache httpd (mod_proxy_balancer) in front of the stand-ins. It knows HTTP only."""

import os

from balancer import Balancer
from processes import Daemon, write_file

MODULES = ("mpm_event", "authz_core", "authz_host", "headers", "proxy", "proxy_http",
           "proxy_balancer", "slotmem_shm", "lbmethod_byrequests", "status")

CONFIG = """\
ServerRoot {folder}/apache
ServerName {address}
PidFile {folder}/apache/httpd.pid
ErrorLog {folder}/apache/error.log
Listen {address}:{http_port}
Mutex file:{folder}/apache
DefaultRuntimeDir {folder}/apache
{modules}
KeepAliveTimeout 60
MaxKeepAliveRequests 0
ProxyTimeout 60

<Proxy "balancer://bitbucket">
{workers}
    ProxySet lbmethod=byrequests
</Proxy>

<Location "/balancer-manager">
    SetHandler balancer-manager
    Require ip 127.0.0.0/8
</Location>
<Location "/server-status">
    SetHandler server-status
    Require ip 127.0.0.0/8
</Location>
ProxyPass "/balancer-manager" "!"
ProxyPass "/server-status" "!"
ProxyPass "/" "balancer://bitbucket/"
"""


class Apache(Balancer):
    driver = "apache"
    has_ssh = False
    settings = {"status_path": "/server-status"}

    def write_configuration(self):
        self._config_path = f"{self.folder}/apache/httpd.conf"
        os.makedirs(f"{self.folder}/apache", exist_ok=True)
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES)
        workers = "\n".join(f'    BalancerMember "{self._worker(node)}" retry=0 disablereuse=On'
                            for node in self.nodes)
        write_file(self._config_path, CONFIG.format(
            folder=self.folder, address=self.address, http_port=self.http_port, modules=modules,
            workers=workers))

    @staticmethod
    def _worker(node):
        return f"http://{node.address}:{node.http_port}"

    def launch(self):
        return Daemon("apache", ["/usr/sbin/apache2", "-DFOREGROUND", "-f", self._config_path],
                      f"{self.folder}/apache.log")

    def addresses(self):
        return [f"http://{self.address}:{self.http_port}/balancer-manager"]

    def members(self, _number, node):
        return [f"bitbucket/{self._worker(node)}"]
