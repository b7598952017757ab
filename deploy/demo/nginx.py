# SPDX-License-Identifier: Apache-2.0
"""NGINX in front of the stand-ins: HTTP, and the SSH port by its stream module."""

import os

from balancer import Balancer
from processes import Daemon, write_file

# next_upstream off: the demo is to see each connection that a node refuses. keepalive_timeout 0: a
# reload closes idle connections of clients, also one that a request is just coming in on; before
# 1.27.4 with its keepalive_min_timeout that is the only way to lose none.
CONFIG = """\
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log notice;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;

events {{ worker_connections 1024; }}

http {{
    access_log off;
    client_body_temp_path {folder}/nginx-temp/body;
    proxy_temp_path {folder}/nginx-temp/proxy;
    fastcgi_temp_path {folder}/nginx-temp/fastcgi;
    uwsgi_temp_path {folder}/nginx-temp/uwsgi;
    scgi_temp_path {folder}/nginx-temp/scgi;
    client_max_body_size 0;
    keepalive_timeout 0;

    upstream bb_http {{
        zone bb_http 64k;
{http_servers}
    }}

    server {{
        listen {address}:{http_port};
        location / {{
            proxy_pass http://bb_http;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_next_upstream off;
            proxy_read_timeout 60s;
        }}
    }}
}}

stream {{
    upstream bb_ssh {{
        zone bb_ssh 64k;
{ssh_servers}
    }}

    server {{
        listen {address}:{ssh_port};
        proxy_pass bb_ssh;
        proxy_next_upstream off;
    }}
}}
"""


class NGINX(Balancer):
    driver = "nginx"

    def write_configuration(self):
        self._config_path = f"{self.folder}/nginx.conf"
        os.makedirs(f"{self.folder}/nginx-temp", exist_ok=True)
        write_file(self._config_path, CONFIG.format(
            folder=self.folder, address=self.address, http_port=self.http_port,
            ssh_port=self.ssh_port, http_servers=self._servers("http_port"),
            ssh_servers=self._servers("ssh_port")))

    def _servers(self, port):
        return "\n".join(f"        server {node.address}:{getattr(node, port)} max_fails=0;"
                         for node in self.nodes)

    def text(self):
        with open(self._config_path, encoding="utf-8") as file:
            return file.read()

    def launch(self):
        return Daemon("nginx", ["/usr/sbin/nginx", "-c", self._config_path, "-e", "stderr"],
                      f"{self.folder}/nginx.log")

    def addresses(self):
        return [f"local:{self._config_path}"]

    def members(self, _number, node):
        return [f"bb_http/{node.address}:{node.http_port}",
                f"bb_ssh/{node.address}:{node.ssh_port}"]
