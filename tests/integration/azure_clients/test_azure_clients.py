# SPDX-License-Identifier: Apache-2.0
"""Microsoft's own clients take the stand-in for Azure: what it says is what they expect."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
STANDIN = os.path.join(HERE, "..", "..", "emulators", "azure")
sys.path.insert(0, STANDIN)

import identity
from standin_process import POOL, Standin

INSTALL_S = 300
TASK_S = 60


def run(command, folder, seconds, **environment):
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
                          check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}"
    return done.stdout


def make_certificates(folder):
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    run(["openssl", "req", "-x509", *key, "-subj", "/CN=authority", "-keyout", "authority.key",
         "-out", "authority.pem", "-addext", "keyUsage=critical,keyCertSign"], folder, TASK_S)
    run(["openssl", "req", "-x509", *key, "-subj", "/CN=localhost", "-keyout", "localhost.key",
         "-out", "localhost.pem", "-addext", "subjectAltName=DNS:localhost",
         "-CA", "authority.pem", "-CAkey", "authority.key"], folder, TASK_S)


class Clients:
    """The packages of package-lock.json in a folder of their own, and a stand-in to talk to."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("package.json", "package-lock.json", "clients.mjs"):
            shutil.copy(os.path.join(HERE, name), folder)
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, INSTALL_S)
        make_certificates(folder)
        self.azure = Standin("--tls", os.path.join(folder, "localhost.pem"),
                             os.path.join(folder, "localhost.key"))
        with open(os.path.join(folder, "assertion"), "w", encoding="utf-8") as file:
            file.write(identity.ASSERTION)

    def task(self, name, **environment):
        variables = {
            "NODE_EXTRA_CA_CERTS": os.path.join(self.folder, "authority.pem"),
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{self.azure.port}",
            "AZ_ENDPOINT": f"https://localhost:{self.azure.tls_port}",
            "AZ_TENANT": identity.TENANT, "AZ_CLIENT": identity.CLIENT,
            "AZ_SECRET": identity.SECRET, "AZ_SUBSCRIPTION": POOL.split("/")[2],
            "AZ_ASSERTION_FILE": os.path.join(self.folder, "assertion"), **environment}
        return json.loads(run(["node", "clients.mjs", name], self.folder, TASK_S, **variables))

    def result(self, name):
        answer = self.task(name)
        assert "error" not in answer, answer
        return answer["result"]


@pytest.fixture(scope="module")
def installed():
    folder = tempfile.mkdtemp(prefix="shunt-azure-clients-")
    clients = Clients(folder)
    yield clients
    clients.azure.stop()
    shutil.rmtree(folder)


@pytest.fixture
def clients(installed):
    installed.azure.create_all()
    return installed


def addresses(gateway):
    (pool,) = [pool for pool in gateway["backendAddressPools"] if pool["name"] == "bb"]
    return [each["ipAddress"] for each in pool["backendAddresses"]]


@pytest.mark.parametrize("kind", ["secret", "managed", "workload"])
def test_each_identity_may_read_the_gateway(clients, kind):
    assert clients.result(kind) == "gw"


def test_a_token_says_how_long_it_lives(clients):
    token = clients.result("lifetime")
    assert token["isToken"] and 3500 < token["seconds"] < 3602


def test_a_wrong_secret_is_an_authentication_error(clients):
    error = clients.task("secret", AZ_SECRET="wrong")["error"]
    assert error["name"].startswith("Authentication")
    assert "AADSTS7000215" in error["message"]


def test_a_gateway_is_read_with_all_that_the_client_knows(clients):
    gateway = clients.result("get")
    assert addresses(gateway) == ["10.0.0.1", "10.0.0.2"]
    assert gateway["operationalState"] == "Running"
    assert gateway["provisioningState"] == "Succeeded"
    assert gateway["etag"].startswith('W/"')
    (settings,) = gateway["backendHttpSettingsCollection"]
    assert settings["connectionDraining"] == {"enabled": True, "drainTimeoutInSec": 1}
    assert gateway["backendAddressPools"][0]["backendIPConfigurations"][0]["id"].endswith(
        "networkInterfaces/nic/ipConfigurations/ipconfig1")


def test_an_update_is_followed_to_its_end(clients):
    clients.azure.setup(faults={"operation_ms": 200})
    gateway = clients.result("remove")
    assert addresses(gateway) == ["10.0.0.2"]
    assert gateway["provisioningState"] == "Succeeded"


def test_an_update_that_fails_is_told(clients):
    clients.azure.setup(faults={"ends": [
        {"status": "Failed", "code": "SubnetIsFull", "message": "no room"}]})
    error = clients.task("remove")["error"]
    assert "SubnetIsFull" in json.dumps(error), error


def test_a_refusal_has_status_and_code(clients):
    error = clients.task("incomplete")["error"]
    assert error["name"] == "RestError"
    assert (error["statusCode"], error["code"]) == (
        400, "ApplicationGatewayHttpListenersCannotBeEmpty")


def test_health_is_asked_and_waited_for(clients):
    clients.azure.setup(faults={"health_ms": 200})
    (pool,) = clients.result("health")["backendAddressPools"]
    assert pool["backendAddressPool"]["id"] == POOL
    servers = pool["backendHttpSettingsCollection"][0]["servers"]
    assert [(server["address"], server["health"]) for server in servers] == [
        ("10.0.0.1", "Up"), ("10.0.0.2", "Down"), ("10.0.0.3", "Up")]
    assert servers[2]["ipConfiguration"]["id"].endswith("/ipConfigurations/ipconfig1")


def test_an_interface_leaves_the_pool(clients):
    gateway = clients.result("leave")
    assert "backendIPConfigurations" not in gateway["backendAddressPools"][0]
