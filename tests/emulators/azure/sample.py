# SPDX-License-Identifier: Apache-2.0
"""Documents as Azure has them, with more in them than any one client looks at."""

LOCATION = "westeurope"
SUBNET = {"id": "/subscriptions/s/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v/"
                "subnets/nodes"}


def _named(name, **properties):
    return {"name": name, "properties": properties}


def _settings(name, drain_s):
    draining = {} if drain_s is None else {
        "connectionDraining": {"enabled": True, "drainTimeoutInSec": drain_s}}
    return _named(name, port=7990, protocol="Http", cookieBasedAffinity="Enabled",
                  affinityCookieName="ApplicationGatewayAffinity", requestTimeout=3600,
                  pickHostNameFromBackendAddress=False, **draining)


def gateway(gateway_id, pools, drain_s=1, state="Running"):
    """`pools`: the addresses of each pool by its name. All pools are used by the one listener."""
    def ref(kind, name):
        return {"id": f"{gateway_id}/{kind}/{name}"}

    def entry(address):
        is_ip = address.replace(".", "").isdigit()
        return {"ipAddress" if is_ip else "fqdn": address}

    first = next(iter(pools))
    paths = [_named(f"to-{name}", paths=[f"/{name}/*"], backendAddressPool=ref(
        "backendAddressPools", name), backendHttpSettings=ref("backendHttpSettingsCollection",
                                                              "bitbucket")) for name in pools]
    properties = {
        "resourceGuid": "0b1c2d3e-0000-4000-8000-00000000000a",
        "operationalState": state,
        "sku": {"name": "WAF_v2", "tier": "WAF_v2", "capacity": 2, "family": "Generation_1"},
        "gatewayIPConfigurations": [_named("ip", subnet=SUBNET)],
        "sslCertificates": [_named("bitbucket", publicCertData="MIIC…", data="UEZY",
                                   password="hidden")],
        "frontendIPConfigurations": [_named("public", privateIPAllocationMethod="Dynamic")],
        "frontendPorts": [_named("https", port=443)],
        "backendAddressPools": [_named(name, backendAddresses=[entry(each) for each in addresses])
                                for name, addresses in pools.items()],
        "backendHttpSettingsCollection": [_settings("bitbucket", drain_s)],
        "httpListeners": [_named("https", frontendPort=ref("frontendPorts", "https"),
                                 sslCertificate=ref("sslCertificates", "bitbucket"),
                                 protocol="Https", hostNames=["bitbucket.example.com"])],
        "urlPathMaps": [_named("paths", defaultBackendAddressPool=ref("backendAddressPools", first),
                               defaultBackendHttpSettings=ref("backendHttpSettingsCollection",
                                                              "bitbucket"), pathRules=paths)],
        "requestRoutingRules": [_named("all", ruleType="PathBasedRouting", priority=10,
                                       httpListener=ref("httpListeners", "https"),
                                       urlPathMap=ref("urlPathMaps", "paths"))],
        "probes": [_named("status", protocol="Http", path="/status", interval=30, timeout=30,
                          match={"statusCodes": ["200-399"]})],
        "webApplicationFirewallConfiguration": {
            "enabled": True, "firewallMode": "Prevention", "ruleSetType": "OWASP",
            "ruleSetVersion": "3.2", "maxRequestBodySizeInKb": 128,
            "exclusions": [], "disabledRuleGroups": []},
        "enableHttp2": True,
        "newerThanThisClient": {"large": 9007199254740993, "real": 0.1, "exponent": 1.5e300,
                                "text": "Zürich \u2603 \"quoted\" \\ /", "none": None,
                                "empty": {}, "list": [1, -2, True, [[]]]},
    }
    return {"type": "Microsoft.Network/applicationGateways", "location": LOCATION,
            "tags": {"owner": "build team", "b": "2", "a": "1"}, "zones": ["1", "2", "3"],
            "properties": properties}


def _pools(pool_ids):
    return [{"id": pool_id} for pool_id in pool_ids]


def interface(address, pool_ids, configuration="ipconfig1"):
    item = _named(configuration, privateIPAddress=address, privateIPAllocationMethod="Dynamic",
                  subnet=SUBNET, primary=True, privateIPAddressVersion="IPv4",
                  applicationGatewayBackendAddressPools=_pools(pool_ids))
    return {"type": "Microsoft.Network/networkInterfaces", "location": LOCATION,
            "properties": {"ipConfigurations": [item], "enableAcceleratedNetworking": True,
                           "networkSecurityGroup": {"id": "/subscriptions/s/nsg"},
                           "dnsSettings": {"dnsServers": [], "appliedDnsServers": []}}}


def instance(pool_ids, interface_name="nic", configuration="ipconfig1"):
    item = _named(configuration, subnet=SUBNET, primary=True, privateIPAddressVersion="IPv4",
                  applicationGatewayBackendAddressPools=_pools(pool_ids))
    nic = _named(interface_name, primary=True, enableIPForwarding=False, ipConfigurations=[item])
    return {"type": "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
            "location": LOCATION, "instanceId": "0", "sku": {"name": "Standard_D4s_v5"},
            "properties": {"latestModelApplied": True, "vmId": "0c0ffee0",
                           "hardwareProfile": {"vmSize": "Standard_D4s_v5"},
                           "storageProfile": {"osDisk": {"name": "disk", "osType": "Linux"}},
                           "networkProfileConfiguration": {
                               "networkInterfaceConfigurations": [nic]}}}


BUILDERS = {"gateway": gateway, "interface": interface, "instance": instance}
