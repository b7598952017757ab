# SPDX-License-Identifier: Apache-2.0
"""Which handler answers a request, and who may ask. One row a resource."""

import base64
import binascii

import pages
import zdu
from http_messages import BadRequest, Response

ANYONE, ADMIN = "anyone", "admin"
ALWAYS, RUNNING = "always", "running"

# method, path (a trailing '*' stands for the rest), handler, who, when the node must be running
ROUTES = (
    ("GET", "/status", pages.status, ANYONE, ALWAYS),
    ("GET", "/setup", pages.setup_show, ANYONE, ALWAYS),
    ("POST", "/setup", pages.setup_merge, ANYONE, ALWAYS),
    ("GET", "/", pages.home_page, ANYONE, RUNNING),
    ("GET", "/slow", pages.slow, ANYONE, RUNNING),
    ("GET", "/stream", pages.stream, ANYONE, RUNNING),
    ("POST", "/echo", pages.echo, ANYONE, RUNNING),
    ("GET", "/scm/*", pages.git, ANYONE, RUNNING),
    ("POST", "/scm/*", pages.git, ANYONE, RUNNING),
    ("GET", "/rest/api/1.0/application-properties", pages.application_properties, ANYONE, RUNNING),
    ("GET", "/rest/api/latest/application-properties", pages.application_properties, ANYONE,
     RUNNING),
    ("GET", "/rest/api/latest/admin/cluster", pages.admin_cluster, ADMIN, RUNNING),
    ("GET", "/rest/zdu/cluster", zdu.get_cluster, ADMIN, RUNNING),
    ("GET", "/rest/zdu/state", zdu.get_state, ADMIN, RUNNING),
    ("GET", "/rest/zdu/nodes/*", zdu.get_node, ADMIN, RUNNING),
    ("POST", "/rest/zdu/start", zdu.start, ADMIN, RUNNING),
    ("POST", "/rest/zdu/cancel", zdu.cancel, ADMIN, RUNNING),
    ("POST", "/rest/zdu/approve", zdu.approve, ADMIN, RUNNING),
    ("POST", "/rest/zdu/cluster/start", zdu.start, ADMIN, RUNNING),
    ("POST", "/rest/zdu/cluster/cancel", zdu.cancel, ADMIN, RUNNING),
    ("POST", "/rest/zdu/cluster/approve", zdu.approve, ADMIN, RUNNING),
)

BY_PATH = {}
BY_PREFIX = []
for method, path, *row in ROUTES:
    if path.endswith("*"):
        BY_PREFIX.append((method, path[:-1], row))
    else:
        BY_PATH.setdefault(path, {})[method] = row


def find_route(method, path):
    """(row or None, whether the path exists with another method)"""
    rows = BY_PATH.get(path)
    if rows is not None:
        return rows.get(method), True
    found = [(m, row) for m, prefix, row in BY_PREFIX if path.startswith(prefix)]
    return next((row for m, row in found if m == method), None), bool(found)


def error(status, message):
    return Response.of_json(status, {"errors": [{"message": message}]})


def refusal(settings, request):
    """Why this request may not do what only a system administrator may, as an answer, or None."""
    user = user_of(settings, request.headers.get("authorization", ""))
    if user is None:
        return error(401, "Authentication is required")
    if user != settings.text("standin.admin-user"):
        return error(403, "You are not permitted to access this resource")
    if request.method == "POST" and request.headers.get("x-atlassian-token") != "no-check":
        return Response(403, "XSRF check failed")
    return None


def user_of(settings, authorization):
    """The name behind the credentials, or None where they are missing or wrong."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        is_known = given == settings.text("standin.token")
        return settings.text("standin.admin-user") if is_known else None
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(given).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    for key in ("standin.admin-user", "standin.user"):
        password_key = key.removesuffix("-user") + "-password"
        if name == settings.text(key) and password == settings.text(password_key):
            return name
    return None


def answer(node, request):
    """A Response, or an awaitable of one."""
    context = node.settings.context_path
    if context:
        if request.path != context and not request.path.startswith(context + "/"):
            return Response(404, "outside the context path\n")
        request.path = request.path.removeprefix(context) or "/"
    method = "GET" if request.method == "HEAD" else request.method
    row, is_known_path = find_route(method, request.path)
    if row is None:
        return error(405, "Method not allowed") if is_known_path else error(404, "Not found")
    handler, who, when = row
    if when == RUNNING and node.state != "RUNNING":
        return Response.of_html(503, f"Bitbucket is not available: {node.state}")
    if who == ADMIN:
        refused = refusal(node.settings, request)
        if refused is not None:
            return refused
    try:
        return dispatch(node, request, handler)
    except BadRequest as reason:
        return error(400, str(reason))


def dispatch(node, request, handler):
    if not request.path.startswith("/rest/zdu/"):
        return handler(node, request)
    if not zdu.is_served_form(node, request):
        return error(404, "Not found")
    return zdu.with_faults(node, request, handler)
