# SPDX-License-Identifier: Apache-2.0
"""What Azure refuses in the body of a PUT: a gateway is taken as a whole, or not at all."""

import ipaddress
import re

from refusal import Refusal

# Collections that a gateway cannot be without.
NEEDED = ("gatewayIPConfigurations", "frontendIPConfigurations", "frontendPorts",
          "backendAddressPools", "backendHttpSettingsCollection", "httpListeners",
          "requestRoutingRules")

HOST_NAME = re.compile(r"^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
                       r"(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$")


def refuse(code, message):
    raise Refusal(400, code, message)


def check_form(body, found):
    if not isinstance(body, dict) or not isinstance(body.get("properties"), dict):
        refuse("InvalidRequestFormat", "Cannot parse the request.")
    location = body.get("location")
    if not location:
        refuse("LocationRequired", "The location property is required for this definition.")
    if found and location.replace(" ", "").lower() != found["location"].lower():
        raise Refusal(409, "InvalidResourceLocation", "The resource already exists in location "
                      f"'{found['location']}'.")


def _check_addresses(pool):
    seen = set()
    for entry in pool.get("properties", {}).get("backendAddresses", []):
        text = entry.get("ipAddress") or entry.get("fqdn")
        if not text:
            refuse("ApplicationGatewayBackendAddressMissingValue",
                   f"Pool {pool['name']} has an address without a value.")
        if "ipAddress" in entry:
            try:
                ipaddress.ip_address(entry["ipAddress"])
            except ValueError:
                refuse("ApplicationGatewayBackendAddressInvalidIpAddress",
                       f"'{text}' is no IP address.")
        elif not HOST_NAME.match(text):
            refuse("ApplicationGatewayBackendAddressInvalidFqdn", f"'{text}' is no host name.")
        if text.lower() in seen:
            refuse("ApplicationGatewayBackendAddressDuplicate", f"'{text}' is there twice.")
        seen.add(text.lower())


def _references(value):
    """Every {"id": …} below, but not the ids of the objects themselves."""
    if isinstance(value, dict):
        for key, child in value.items():
            if isinstance(child, dict) and set(child) == {"id"}:
                yield child["id"]
            elif key != "id":
                yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)


def _check_references(body, gateway_id):
    prefix = gateway_id.lower() + "/"
    own = {f"{prefix}{kind}/{item['name']}".lower()
           for kind, items in body["properties"].items() if isinstance(items, list)
           for item in items if isinstance(item, dict) and "name" in item}
    for kind in ("httpListeners", "requestRoutingRules", "urlPathMaps",
                 "backendHttpSettingsCollection"):
        for reference in _references(body["properties"].get(kind, [])):
            if reference.lower().startswith(prefix) and reference.lower() not in own:
                refuse("InvalidResourceReference", f"Resource {reference} referenced by "
                       f"{gateway_id} was not found.")


def _check_certificates(body, found):
    """Their data never comes back from a GET: one that is known keeps it, a new one must bring it."""
    known = {item["name"] for item in (found or {}).get("properties", {}).get("sslCertificates", [])}
    for item in body["properties"].get("sslCertificates", []):
        properties = item.get("properties", {})
        if item.get("name") not in known and not (properties.get("data")
                                                  or properties.get("keyVaultSecretId")):
            refuse("ApplicationGatewaySslCertificateDataMustBeSpecified",
                   f"Data for certificate {item.get('name')} must be specified.")


def check_gateway(body, found, gateway_id):
    check_form(body, found)
    properties = body["properties"]
    if not isinstance(properties.get("sku"), dict):
        refuse("ApplicationGatewaySkuNotSpecified", "The sku is missing.")
    for kind in NEEDED:
        items = properties.get(kind)
        if not isinstance(items, list) or not items:
            refuse(f"ApplicationGateway{kind[0].upper()}{kind[1:]}CannotBeEmpty",
                   f"Application gateway {gateway_id} needs {kind}.")
        if any(not isinstance(item, dict) or not item.get("name") for item in items):
            refuse("InvalidRequestFormat", f"An item of {kind} has no name.")
    for pool in properties["backendAddressPools"]:
        _check_addresses(pool)
    _check_references(body, gateway_id)
    _check_certificates(body, found)


def configurations(document):
    """(interface name or None, IP configuration) of an interface or an instance."""
    properties = document["properties"]
    for item in properties.get("ipConfigurations", []):
        yield None, item
    profile = properties.get("networkProfileConfiguration", {})
    for interface in profile.get("networkInterfaceConfigurations", []):
        for item in interface["properties"]["ipConfigurations"]:
            yield interface["name"], item


def check_interface(body, found, pool_ids):
    check_form(body, found)
    all_of_it = list(configurations(body))
    if not all_of_it:
        refuse("NetworkInterfaceMustHaveAtLeastOneIpConfiguration", "There is no IP configuration.")
    for _, item in all_of_it:
        properties = item.get("properties", {})
        if not isinstance(properties.get("subnet"), dict):
            refuse("InvalidRequestFormat", f"IP configuration {item.get('name')} has no subnet.")
        for pool in properties.get("applicationGatewayBackendAddressPools", []):
            if pool.get("id", "").lower() not in pool_ids:
                refuse("InvalidResourceReference", f"Resource {pool.get('id')} was not found.")
