# SPDX-License-Identifier: Apache-2.0
"""The stand-in as a process of a test, and a client for its ports."""

import http.client
import json
import os
import subprocess
import sys
import urllib.parse

import identity

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE_S = 20
GROUP = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers/"
GATEWAY = GROUP + "Microsoft.Network/applicationGateways/gw"
INTERFACE = GROUP + "Microsoft.Network/networkInterfaces/nic"
INSTANCE = GROUP + "Microsoft.Compute/virtualMachineScaleSets/set/virtualMachines/0"
POOL = GATEWAY + "/backendAddressPools/bb"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]


class Standin:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-B", os.path.join(HERE, "standin.py"), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ports = json.loads(self.process.stdout.readline())
        self.port, self.tls_port = ports["port"], ports.get("tls_port")
        self._token = None

    def stop(self):
        self.process.stdin.close()
        self.process.wait(DEADLINE_S)
        self.process.stdout.close()

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return found

    def setup(self, **order):
        answer = self.ask("POST", "/setup", json.dumps(order))
        assert answer.status == 200, answer.body
        if order.get("reset"):
            self._token = None

    def report(self):
        return self.ask("GET", "/setup").json

    def create_all(self):
        """One gateway, one interface and one instance."""
        self.setup(reset=True, gateway={GATEWAY: {"pools": {"bb": ["10.0.0.1", "10.0.0.2"]}}},
                   interface={INTERFACE: {"address": "10.0.0.3", "pool_ids": [POOL]}},
                   instance={INSTANCE: {"pool_ids": []}})
        self.setup(faults={"health": {"10.0.0.1": "Up", "10.0.0.2": "Down", "10.0.0.3": "Up"}})

    # As a client of ARM.

    def login(self, **changes):
        form = {"grant_type": "client_credentials", "client_id": identity.CLIENT,
                "client_secret": identity.SECRET,
                "scope": "https://management.azure.com/.default", **changes}
        form = {key: value for key, value in form.items() if value is not None}
        return self.ask("POST", f"/{identity.TENANT}/oauth2/v2.0/token",
                        urllib.parse.urlencode(form),
                        Content_Type="application/x-www-form-urlencoded")

    def token(self):
        if self._token is None:
            self._token = self.login().json["access_token"]
        return self._token

    def arm(self, method, path, document=None, version="2023-09-01", **headers):
        query = f"?api-version={version}" if version and "?" not in path else ""
        body = None if document is None else json.dumps(document)
        headers.setdefault("Authorization", f"Bearer {self.token()}")
        return self.ask(method, path + query, body, **headers)

    def follow(self, url):
        """Asks for an operation until it has ended."""
        place = urllib.parse.urlsplit(url)
        while True:
            answer = self.arm("GET", f"{place.path}?{place.query}")
            is_going_on = answer.status == 202 or (
                answer.status == 200 and answer.body and answer.json.get("status") == "InProgress")
            if not is_going_on:
                return answer
