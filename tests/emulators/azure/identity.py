# SPDX-License-Identifier: Apache-2.0
"""Entra ID's token endpoint and a host's own identity (IMDS)."""

import base64
import json
import re
import secrets
import time
import urllib.parse

from refusal import Refusal

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
SECRET = "s3cret~with&odd=characters+%"
ASSERTION = "eyJhbGciOiJSUzI1NiJ9.assertion.signature"


class LoginRefusal(Refusal):
    """Entra ID has a form of its own."""

    def __init__(self, status, error, description):
        super().__init__(status, error, description)
        self.body = {"error": error, "error_description": description,
                     "error_codes": [int(re.sub(r"\D", "", description[:16]) or 0)]}


class Identity:
    def __init__(self, faults):
        self._faults = faults
        self._tokens = {}
        self.tenant, self.client, self.secret, self.assertion = TENANT, CLIENT, SECRET, ASSERTION
        self.given = 0

    def _make(self, audience):
        claims = json.dumps({"aud": audience, "jti": secrets.token_hex(16)}).encode()
        body = base64.urlsafe_b64encode(claims).decode().rstrip("=")
        token = f"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.{body}.{secrets.token_urlsafe(256)}"
        self._tokens[token] = (audience, time.monotonic() + self._faults.token_s)
        self.given += 1
        return token

    def forget_tokens(self):
        self._tokens.clear()

    def check(self, header, own_urls):
        scheme, _, token = (header or "").partition(" ")
        challenge = {"WWW_Authenticate": 'Bearer authorization_uri="https://login.example"'}
        if scheme != "Bearer" or not token:
            raise Refusal(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' "
                          "header is missing.", **challenge)
        audience, end = self._tokens.get(token, (None, 0))
        if audience is None or time.monotonic() > end:
            raise Refusal(401, "ExpiredAuthenticationToken", "The access token has expired.",
                          **challenge)
        if audience not in own_urls:
            raise Refusal(401, "InvalidAuthenticationTokenAudience",
                          f"The access token has been obtained for wrong audience '{audience}'.",
                          **challenge)

    # Entra ID.

    def login(self, tenant, content_type, body):
        if tenant != self.tenant:
            raise LoginRefusal(400, "invalid_request", f"AADSTS90002: Tenant '{tenant}' not found.")
        if not (content_type or "").startswith("application/x-www-form-urlencoded"):
            raise LoginRefusal(400, "invalid_request", "AADSTS900144: The request body must "
                               "contain the following parameter: 'grant_type'.")
        form = {key: values[0] for key, values in
                urllib.parse.parse_qs(body.decode(), strict_parsing=True).items()}
        if form.get("grant_type") != "client_credentials":
            raise LoginRefusal(400, "unsupported_grant_type", "AADSTS70003: unsupported grant")
        if form.get("client_id") != self.client:
            raise LoginRefusal(400, "unauthorized_client",
                               "AADSTS700016: Application was not found in the directory.")
        self._check_proof(form)
        audience, ending, rest = form.get("scope", "").split(" ")[0].partition("/.default")
        if not ending or rest:
            raise LoginRefusal(400, "invalid_scope", "AADSTS1002012: The provided value for scope "
                               "is not valid.")
        return {"token_type": "Bearer", "expires_in": self._faults.token_s,
                "ext_expires_in": self._faults.token_s, "access_token": self._make(audience)}

    def _check_proof(self, form):
        if "client_assertion" in form:
            if form.get("client_assertion_type") != ASSERTION_TYPE or \
                    form["client_assertion"] != self.assertion:
                raise LoginRefusal(401, "invalid_client",
                                   "AADSTS700027: The certificate or assertion is not valid.")
        elif form.get("client_secret") != self.secret:
            raise LoginRefusal(401, "invalid_client",
                               "AADSTS7000215: Invalid client secret provided.")

    def configuration(self, base, tenant):
        return {"token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
                "issuer": f"{base}/{tenant}/v2.0", "jwks_uri": f"{base}/{tenant}/keys"}

    # The host's own.

    def host_token(self, query, headers):
        if headers.get("Metadata", "").lower() != "true" or "X-Forwarded-For" in headers:
            raise LoginRefusal(400, "invalid_request",
                               "Required metadata header not specified or not correct")
        if query.get("api-version") != "2018-02-01" or not query.get("resource"):
            raise LoginRefusal(400, "invalid_request", "Required query variable is missing")
        if query.get("client_id", self.client) != self.client:
            raise LoginRefusal(400, "invalid_request", "Identity not found")
        now = int(time.time())
        life = self._faults.token_s
        return {"access_token": self._make(query["resource"].rstrip("/")),
                "client_id": self.client, "expires_in": str(life), "expires_on": str(now + life),
                "ext_expires_in": str(life), "not_before": str(now),
                "resource": query["resource"], "token_type": "Bearer"}
