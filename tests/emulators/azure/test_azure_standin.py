# SPDX-License-Identifier: Apache-2.0
"""What the stand-in refuses because Azure does, and what it does wrong when asked to."""

import copy
import time

import pytest

import identity
from standin_process import GATEWAY, INSTANCE, INTERFACE, POOL


def pool_of(document, name="bb"):
    pools = document["properties"]["backendAddressPools"]
    return next(pool for pool in pools if pool["name"] == name)["properties"]


def change(azure, edit, **headers):
    document = azure.arm("GET", GATEWAY).json
    edit(document)
    return azure.arm("PUT", GATEWAY, document, **headers)


def nothing(document):
    del document


# Identity.


def test_secrets_and_assertions_get_tokens(azure):
    assert azure.login().json["expires_in"] == 3600
    answer = azure.login(client_secret=None, client_assertion=identity.ASSERTION,
                         client_assertion_type=identity.ASSERTION_TYPE)
    assert answer.status == 200


@pytest.mark.parametrize("changes, code", [
    ({"client_secret": "wrong"}, "AADSTS7000215"), ({"client_id": "x"}, "AADSTS700016"),
    ({"scope": "https://management.azure.com"}, "AADSTS1002012"),
    ({"grant_type": "password"}, "AADSTS70003"),
    ({"client_assertion": "x", "client_assertion_type": identity.ASSERTION_TYPE}, "AADSTS700027")])
def test_wrong_logins_are_refused(azure, changes, code):
    answer = azure.login(**changes)
    assert answer.status in (400, 401)
    assert answer.json["error_description"].startswith(code + ":")


def test_the_host_s_identity_needs_its_header(azure):
    path = ("/metadata/identity/oauth2/token?api-version=2018-02-01"
            "&resource=https://management.azure.com/")
    assert azure.ask("GET", path).status == 400
    assert azure.ask("GET", path, Metadata="true", X_Forwarded_For="10.0.0.1").status == 400
    assert azure.ask("GET", path + "&client_id=other", Metadata="true").status == 400
    token = azure.ask("GET", path, Metadata="true").json
    assert token["expires_in"] == "3600"
    answer = azure.arm("GET", GATEWAY, Authorization=f"Bearer {token['access_token']}")
    assert answer.status == 200


def test_arm_takes_its_own_living_tokens_alone(azure):
    assert azure.ask("GET", GATEWAY + "?api-version=2023-09-01").status == 401
    other = azure.login(scope="https://graph.microsoft.com/.default").json["access_token"]
    answer = azure.arm("GET", GATEWAY, Authorization=f"Bearer {other}")
    assert (answer.status, answer.code) == (401, "InvalidAuthenticationTokenAudience")
    token = azure.token()
    azure.setup(forget_tokens=True)
    answer = azure.arm("GET", GATEWAY, Authorization=f"Bearer {token}")
    assert (answer.status, answer.code) == (401, "ExpiredAuthenticationToken")


# Resources.


def test_what_is_not_there_is_not_found(azure):
    assert azure.arm("GET", GATEWAY + "x").code == "ResourceNotFound"
    assert azure.arm("GET", GATEWAY, version=None).code == "MissingApiVersionParameter"
    assert azure.arm("PUT", GATEWAY + "/backendAddressPools/bb", {}).code == "InvalidResourceType"


def test_ids_are_found_in_any_letter_case(azure):
    assert azure.arm("GET", GATEWAY.upper()).json["id"] == GATEWAY


def test_secrets_of_certificates_are_kept_and_never_shown(azure):
    shown = azure.arm("GET", GATEWAY).json["properties"]["sslCertificates"][0]["properties"]
    assert "data" not in shown and "password" not in shown
    assert change(azure, nothing).status == 200
    kept = azure.report()["secrets"][GATEWAY]["properties"]["sslCertificates"][0]["properties"]
    assert (kept["data"], kept["password"]) == ("UEZY", "hidden")


@pytest.mark.parametrize("missing", [
    "sku", "gatewayIPConfigurations", "frontendIPConfigurations", "frontendPorts",
    "backendAddressPools", "backendHttpSettingsCollection", "httpListeners",
    "requestRoutingRules"])
def test_a_gateway_is_taken_as_a_whole_only(azure, missing):
    answer = change(azure, lambda document: document["properties"].pop(missing))
    assert answer.status == 400
    assert azure.arm("GET", GATEWAY).json["properties"]["provisioningState"] == "Succeeded"


def add(*entries):
    return lambda document: pool_of(document)["backendAddresses"].extend(entries)


def rename_pool(document):
    document["properties"]["backendAddressPools"][0]["name"] = "other"


def add_certificate(document):
    document["properties"]["sslCertificates"].append({"name": "new", "properties": {}})


@pytest.mark.parametrize("edit, code", [
    (add({"ipAddress": "10.0.0.256"}), "ApplicationGatewayBackendAddressInvalidIpAddress"),
    (add({"fqdn": "a b"}), "ApplicationGatewayBackendAddressInvalidFqdn"),
    (add({}), "ApplicationGatewayBackendAddressMissingValue"),
    (add({"ipAddress": "10.0.0.1"}), "ApplicationGatewayBackendAddressDuplicate"),
    (rename_pool, "InvalidResourceReference"),
    (add_certificate, "ApplicationGatewaySslCertificateDataMustBeSpecified"),
    (lambda document: document.pop("location"), "LocationRequired"),
    (lambda document: document.update(location="eastus"), "InvalidResourceLocation")])
def test_bad_parts_are_refused(azure, edit, code):
    assert change(azure, edit).code == code


def test_an_etag_that_is_old_is_refused(azure):
    etag = azure.arm("GET", GATEWAY).json["etag"]
    assert change(azure, nothing, If_Match=etag).status == 200
    answer = change(azure, nothing, If_Match=etag)
    assert (answer.status, answer.code) == (412, "PreconditionFailed")


def test_an_update_takes_its_time_and_is_in_force_at_its_end(azure):
    azure.setup(faults={"operation_ms": 150})
    answer = change(azure, add({"ipAddress": "10.0.0.9"}))
    url = answer.headers["Azure-AsyncOperation"]
    assert len(url) > 2048 and answer.headers["Retry-After"] == "0"
    assert azure.arm("GET", GATEWAY).json["properties"]["provisioningState"] == "Updating"
    assert "10.0.0.9" not in str(health_of(azure))
    assert azure.follow(url).json == {"status": "Succeeded"}
    assert azure.arm("GET", GATEWAY).json["properties"]["provisioningState"] == "Succeeded"
    assert "10.0.0.9" in str(health_of(azure))


def test_a_later_update_overtakes_one_that_goes_on(azure):
    azure.setup(faults={"operation_ms": 200})
    first = change(azure, nothing).headers["Azure-AsyncOperation"]
    second = change(azure, nothing).headers["Azure-AsyncOperation"]
    assert azure.follow(first).json["error"]["code"] == "CanceledAndSupersededDueToAnotherOperation"
    assert azure.follow(second).json["status"] == "Succeeded"


def test_any_update_starts_a_stopped_gateway(azure):
    azure.setup(touch={GATEWAY: {"properties": {"operationalState": "Stopped"}}})
    assert azure.arm("POST", GATEWAY + "/backendhealth").status == 409
    change(azure, nothing)
    assert azure.arm("GET", GATEWAY).json["properties"]["operationalState"] == "Running"


def health_of(azure):
    answer = azure.arm("POST", GATEWAY + "/backendhealth")
    assert answer.status == 202
    return azure.follow(answer.headers["Location"]).json


def test_health_is_told_by_pool_settings_and_server(azure):
    (pool,) = health_of(azure)["backendAddressPools"]
    assert pool["backendAddressPool"]["id"] == POOL
    servers = pool["backendHttpSettingsCollection"][0]["servers"]
    assert [(server["address"], server["health"]) for server in servers] == [
        ("10.0.0.1", "Up"), ("10.0.0.2", "Down"), ("10.0.0.3", "Up")]
    assert servers[2]["ipConfiguration"]["id"] == INTERFACE + "/ipConfigurations/ipconfig1"


# Interfaces and instances.


def test_an_interface_joins_and_leaves_a_pool(azure):
    listed = [{"id": INTERFACE + "/ipConfigurations/ipconfig1"}]
    assert pool_of(azure.arm("GET", GATEWAY).json)["backendIPConfigurations"] == listed
    document = azure.arm("GET", INTERFACE).json
    document["properties"]["ipConfigurations"][0]["properties"].pop(
        "applicationGatewayBackendAddressPools")
    answer = azure.arm("PUT", INTERFACE, document, If_Match=document["etag"])
    azure.follow(answer.headers["Azure-AsyncOperation"])
    assert "backendIPConfigurations" not in pool_of(azure.arm("GET", GATEWAY).json)


def test_a_gateway_s_list_of_configurations_is_read_only(azure):
    change(azure, lambda document: pool_of(document).pop("backendIPConfigurations"))
    assert len(pool_of(azure.arm("GET", GATEWAY).json)["backendIPConfigurations"]) == 1


def test_an_instance_keeps_what_its_body_leaves_out(azure):
    before = azure.arm("GET", INSTANCE, version="2024-07-01").json
    network = copy.deepcopy(before["properties"]["networkProfileConfiguration"])
    item = network["networkInterfaceConfigurations"][0]["properties"]["ipConfigurations"][0]
    item["properties"]["applicationGatewayBackendAddressPools"] = [{"id": POOL}]
    body = {"location": before["location"], "properties": {"networkProfileConfiguration": network}}
    answer = azure.arm("PUT", INSTANCE, body, version="2024-07-01")
    azure.follow(answer.headers["Azure-AsyncOperation"])
    after = azure.arm("GET", INSTANCE, version="2024-07-01").json
    assert after["properties"]["storageProfile"] == before["properties"]["storageProfile"]
    assert len(pool_of(azure.arm("GET", GATEWAY).json)["backendIPConfigurations"]) == 2


def test_an_interface_of_an_unknown_pool_is_refused(azure):
    document = azure.arm("GET", INTERFACE).json
    document["properties"]["ipConfigurations"][0]["properties"][
        "applicationGatewayBackendAddressPools"] = [{"id": POOL + "x"}]
    assert azure.arm("PUT", INTERFACE, document).code == "InvalidResourceReference"


# Faults.


def test_writes_are_throttled_by_a_bucket(azure):
    azure.setup(faults={"write_bucket": 2, "write_refill": 1})
    assert [change(azure, nothing).status for _ in range(2)] == [200, 200]
    answer = change(azure, nothing)
    assert (answer.status, answer.code) == (429, "SubscriptionRequestsThrottled")
    time.sleep(int(answer.headers["Retry-After"]))
    assert change(azure, nothing).status == 200


@pytest.mark.parametrize("fault, status, code", [
    ("locked", 429, "RetryableErrorDueToAnotherOperation"),
    ("in_progress", 409, "AnotherOperationInProgress")])
def test_others_at_work_refuse_a_write_once(azure, fault, status, code):
    azure.setup(faults={fault: 1})
    answer = change(azure, nothing)
    assert (answer.status, answer.code) == (status, code)
    assert change(azure, nothing).status == 200


def test_an_update_ends_as_it_is_told(azure):
    azure.setup(faults={"ends": [{"status": "Failed", "code": "X", "message": "y"}]})
    answer = change(azure, add({"ipAddress": "10.0.0.9"}))
    assert azure.follow(answer.headers["Azure-AsyncOperation"]).json["error"]["code"] == "X"
    assert azure.arm("GET", GATEWAY).json["properties"]["provisioningState"] == "Failed"
    assert "10.0.0.9" not in str(health_of(azure))


def test_unknown_faults_and_orders_are_refused(azure):
    assert azure.ask("POST", "/setup", '{"faults": {"loked": 1}}').status == 400
    assert azure.ask("POST", "/setup", '{"fault": {}}').status == 400
