# SPDX-License-Identifier: Apache-2.0
"""
Azure Resource Manager: gateways, network interfaces and instances of scale sets.

A gateway has a document, which says what is wanted, and what is in force, which is the document of
its last update that succeeded. Health is told of what is in force.
"""

import copy
import json
import re
import secrets
import time
import urllib.error
import urllib.request

import validation
from refusal import Refusal

ARM = "https://management.azure.com"
ROOT = r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/"
GATEWAY = re.compile(f"^{ROOT}Microsoft.Network/applicationGateways/[^/]+$", re.I)
INTERFACE = re.compile(f"^{ROOT}Microsoft.Network/networkInterfaces/[^/]+$", re.I)
INSTANCE = re.compile(f"^{ROOT}Microsoft.Compute/virtualMachineScaleSets/[^/]+/virtualMachines/"
                      r"[^/]+$", re.I)
OPERATION = re.compile(r"^/subscriptions/[^/]+/providers/[^/]+/locations/[^/]+/"
                       r"(operations|operationResults)/([^/]+)$", re.I)
VERSION = re.compile(r"^20[1-9]\d-\d\d-\d\d$")
PROBE_S = 1


class Bucket:
    """Requests that may come at once; some come back each second."""

    def __init__(self):
        self._left, self._at = None, time.monotonic()

    def take(self, size, refill):
        now = time.monotonic()
        self._left = min(size, (size if self._left is None else self._left)
                         + refill * (now - self._at))
        self._at = now
        if self._left < 1:
            raise Refusal(429, "SubscriptionRequestsThrottled", "Number of requests exceeded the "
                          "limit.", Retry_After=max(1, round((1 - self._left) / max(refill, 0.1))))
        self._left -= 1


class Resource:
    def __init__(self, resource_id, document):
        self.id, self.document = resource_id, copy.deepcopy(document)
        self.in_force = None
        self.operation = None
        self.document["id"], self.document["name"] = resource_id, resource_id.rpartition("/")[2]
        self.document["properties"].setdefault("provisioningState", "Succeeded")
        self.is_gateway = bool(GATEWAY.match(resource_id))
        if self.is_gateway:
            self.document["properties"].setdefault("operationalState", "Running")
        self.stamp()
        self.take_force()

    def stamp(self):
        etag = f'W/"{secrets.token_hex(8)}-{secrets.token_hex(6)}"'
        self.document["etag"] = etag
        if self.is_gateway:
            for kind, items in self.document["properties"].items():
                for item in items if isinstance(items, list) else ():
                    if isinstance(item, dict) and "name" in item:
                        item["id"], item["etag"] = f"{self.id}/{kind}/{item['name']}", etag

    def take_force(self):
        self.in_force = copy.deepcopy(self.document)


class Arm:
    def __init__(self, faults, operations, identity):
        self.faults, self.operations, self.identity = faults, operations, identity
        self.resources = {}
        self.probes = {}
        self.writes, self.reads = Bucket(), Bucket()
        self.counts = {"GET": 0, "PUT": 0, "POST": 0}

    def create(self, resource_id, document):
        self.resources[resource_id.lower()] = Resource(resource_id, document)

    def touch(self, resource_id, changes):
        """Somebody else's change: at the top of the document, and in its properties."""
        resource = self.resources[resource_id.lower()]
        resource.document["properties"].update(changes.get("properties", {}))
        resource.document.update({key: value for key, value in changes.items()
                                  if key != "properties"})
        resource.stamp()
        resource.take_force()

    # One request.

    def answer(self, method, path, query, headers, body, base):
        """(status, headers, document)"""
        self.operations.settle()
        self.identity.check(headers.get("Authorization"), (base, ARM))
        self.counts[method] = self.counts.get(method, 0) + 1
        operation = OPERATION.match(path)
        if operation:
            return self._look(operation)
        if not VERSION.match(query.get("api-version", "")):
            raise Refusal(400, "MissingApiVersionParameter", "The api-version query parameter "
                          "(?api-version=) is required for all requests.")
        if method == "GET":
            self.reads.take(self.faults.read_bucket, self.faults.read_refill)
            return 200, {}, self.shown(self._find(path))
        self.writes.take(self.faults.write_bucket, self.faults.write_refill)
        if method == "POST" and path.lower().endswith("/backendhealth"):
            return self._begin_health(path[:-len("/backendhealth")], base)
        if method == "PUT":
            return self._put(path, headers, body, base)
        raise Refusal(405, "MethodNotAllowed", f"{method} is not allowed here.")

    def _find(self, path):
        resource = self.resources.get(path.lower())
        if resource is None:
            raise Refusal(404, "ResourceNotFound", f"The Resource '{path}' was not found.")
        return resource

    def _look(self, match):
        operation = self.operations.find(match[2])
        if operation is None:
            raise Refusal(404, "OperationNotFound", "The operation was not found.")
        patience = self.operations.patience()
        if match[1].lower() == "operations":
            return 200, {} if operation.is_over else patience, operation.body
        if not operation.is_over:
            return 202, patience, None
        if operation.end:
            raise Refusal(409, operation.end["code"], operation.end["message"])
        return 200, {}, operation.result() if operation.result else None

    # What is shown of a resource.

    def shown(self, resource):
        document = copy.deepcopy(resource.document)
        for item in document["properties"].get("sslCertificates", []):
            for secret in ("data", "password"):
                item.get("properties", {}).pop(secret, None)
        if resource.is_gateway:
            for pool in document["properties"]["backendAddressPools"]:
                pool["properties"].pop("backendIPConfigurations", None)
                bound = [{"id": config_id} for config_id, _ in self._bound(pool["id"])]
                if bound:
                    pool["properties"]["backendIPConfigurations"] = bound
        return document

    def _bound(self, pool_id):
        """(id, address) of each IP configuration that names the pool, as the gateway knows it."""
        for resource in self.resources.values():
            if resource.is_gateway:
                continue
            for interface, item in validation.configurations(resource.in_force):
                pools = item["properties"].get("applicationGatewayBackendAddressPools", [])
                if pool_id.lower() in (pool["id"].lower() for pool in pools):
                    middle = f"/networkInterfaces/{interface}" if interface else ""
                    yield (f"{resource.id}{middle}/ipConfigurations/{item['name']}",
                           item["properties"].get("privateIPAddress")
                           or self.probes.get("addresses", {}).get(resource.id.lower()))

    # Health.

    def _begin_health(self, path, base):
        gateway = self._find(path)
        if gateway.document["properties"]["operationalState"] != "Running":
            raise Refusal(409, "ApplicationGatewayOperationNotAllowedInStoppedState",
                          "The gateway is not running.")
        operation = self.operations.begin(self.faults.health_ms)
        operation.result = lambda: self.health(gateway)
        url = self.operations.url(base, path.split("/")[2], "Microsoft.Network",
                                  "operationResults", operation)
        return 202, {"Location": url, **self.operations.patience()}, None

    def health(self, gateway):
        properties = gateway.in_force["properties"]
        report = []
        for pool in properties["backendAddressPools"]:
            servers = [self._server(entry.get("ipAddress") or entry.get("fqdn"), None)
                       for entry in pool["properties"].get("backendAddresses", [])]
            servers += [self._server(address, config_id)
                        for config_id, address in self._bound(pool["id"])]
            settings = [{"backendHttpSettings": {"id": item["id"]}, "servers": servers}
                        for item in properties["backendHttpSettingsCollection"]]
            report.append({"backendAddressPool": {"id": pool["id"]},
                           "backendHttpSettingsCollection": settings})
        return {"backendAddressPools": report}

    def _server(self, address, config_id):
        server = {"address": address, "health": self._probe(address),
                  "healthProbeLog": "Success. Received 200 status code"}
        if config_id and not self.faults.health_without_ids:
            server["ipConfiguration"] = {"id": config_id}
        return server

    def _probe(self, address):
        if address in self.faults.health:
            return self.faults.health[address]
        url = self.probes.get("urls", {}).get(address)
        if url is None:
            return "Unknown"
        try:
            with urllib.request.urlopen(url, timeout=PROBE_S) as answer:
                return "Up" if 200 <= answer.status <= 399 else "Down"
        except (urllib.error.URLError, OSError):
            return "Down"

    # Updates.

    def _put(self, path, headers, body, base):
        if not any(form.match(path) for form in (GATEWAY, INTERFACE, INSTANCE)):
            raise Refusal(404, "InvalidResourceType", "The resource type could not be found.")
        resource = self._find(path)
        self._refuse_for_others(resource)
        if headers.get("If-Match", "*") not in ("*", resource.document["etag"]):
            raise Refusal(412, "PreconditionFailed", "Precondition failed.")
        try:
            wanted = json.loads(body)
        except ValueError:
            validation.refuse("InvalidRequestContent", "The request content was invalid.")
        self._check(resource, wanted)
        self._take_over(resource, wanted)
        return self._begin_update(resource, base)

    def _refuse_for_others(self, resource):
        after = self.operations.patience()
        retry = {"Retry_After": after["Retry-After"]} if after else {}
        if self.faults.use_up("locked"):
            raise Refusal(429, "RetryableErrorDueToAnotherOperation", "Operation was not done, "
                          "because another operation is in progress.", **retry)
        if self.faults.use_up("in_progress"):
            raise Refusal(409, "AnotherOperationInProgress", "Another operation on this or "
                          "dependent resource is in progress.", **retry)
        if self.faults.use_up("change_between"):
            tags = dict(resource.document.get("tags", {}), changed=secrets.token_hex(4))
            self.touch(resource.id, {"tags": tags})

    def _check(self, resource, wanted):
        if resource.is_gateway:
            validation.check_gateway(wanted, resource.document, resource.id)
            return
        pools = {pool["id"].lower() for other in self.resources.values() if other.is_gateway
                 for pool in other.document["properties"]["backendAddressPools"]}
        if INSTANCE.match(resource.id):
            # What an instance's body leaves out stays as it is.
            wanted["properties"] = {**resource.document["properties"], **wanted["properties"]}
        validation.check_interface(wanted, resource.document, pools)

    def _take_over(self, resource, wanted):
        """Read-only properties stay ours, and certificates keep their data."""
        old = resource.document["properties"]
        for key in ("provisioningState", "operationalState", "resourceGuid"):
            wanted["properties"].pop(key, None)
            if key in old:
                wanted["properties"][key] = old[key]
        kept = {item["name"]: item.get("properties", {}) for item in old.get("sslCertificates", [])}
        for item in wanted["properties"].get("sslCertificates", []):
            properties = item.setdefault("properties", {})
            for secret in ("data", "password"):
                if secret not in properties and secret in kept.get(item["name"], {}):
                    properties[secret] = kept[item["name"]][secret]
        for key in ("id", "name", "type"):
            wanted[key] = resource.document.get(key)
        for pool in wanted["properties"].get("backendAddressPools", []):
            pool.setdefault("properties", {}).pop("backendIPConfigurations", None)
        resource.document = wanted

    def _begin_update(self, resource, base):
        if resource.operation and not resource.operation.is_over:
            resource.operation.cancel()
            resource.operation.finish = None
        resource.document["properties"]["provisioningState"] = "Updating"
        if resource.is_gateway:
            # A gateway that was stopped is started by any update.
            resource.document["properties"]["operationalState"] = "Running"
        resource.stamp()
        operation = self.operations.begin(self.faults.operation_ms, self.faults.next_end())
        operation.finish = lambda ended: self._end_update(resource, ended)
        resource.operation = operation
        _, _, subscription, *rest = resource.id.split("/")
        provider = rest[rest.index("providers") + 1]
        if self.faults.by_location:
            headers = {"Location": self.operations.url(base, subscription, provider,
                                                       "operationResults", operation)}
        else:
            headers = {"Azure-AsyncOperation": self.operations.url(base, subscription, provider,
                                                                   "operations", operation)}
        return 200, {**headers, **self.operations.patience()}, self.shown(resource)

    def _end_update(self, resource, operation):
        status = operation.status
        resource.document["properties"]["provisioningState"] = status
        resource.stamp()
        if status != "Succeeded":
            return
        if resource.is_gateway or self.faults.follow_ms == 0:
            resource.take_force()
            return
        # Gateways take over what an interface says some time later, by an update of their own.
        follow = self.operations.begin(self.faults.follow_ms)
        follow.finish = lambda _: resource.take_force()
