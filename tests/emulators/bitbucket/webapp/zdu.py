# SPDX-License-Identifier: Apache-2.0
"""The rolling-upgrade API below /rest/zdu, and the ways a test can make it misbehave."""

import asyncio

from cluster import WrongState
from http_messages import Response

NODE_FIELDS = ("id", "name", "ipAddress", "portNumber", "state", "tasksTotal", "activeUserCount",
               "buildNumber", "version")

# missing_fields takes away fields of a node; these two are the cluster's.
CLUSTER_FIELDS = ("upgradeModeEnabled", "originalVersion")


def links(node, request, path):
    base = f"http://{request.headers.get('host', '')}{node.settings.context_path}/rest/zdu"
    return [{"rel": "self", "href": base + path}]


def node_json(node, request, member):
    """One node as any node shows it; faults that touch it travel in the member's own record."""
    shown = {field: member[field] for field in NODE_FIELDS if member.get(field) is not None}
    shown["local"] = member["name"] == node.settings.node_name
    shown["links"] = links(node, request, f"/nodes/{member['id']}")
    if member["alive"]:
        shown["state"] = member["shownState"] or member["state"]
        for field in member["missingFields"]:
            shown.pop(field, None)
    return shown


def cluster_json(node, request):
    upgrade, members, state = node.cluster.look()
    shown = {
        "upgradeModeEnabled": upgrade["upgradeModeEnabled"],
        "state": node.faults.get("unknown_cluster_state", state),
        "originalVersion": upgrade["originalVersion"],
        "nodes": [node_json(node, request, member) for member in node.visible(members)],
        "links": links(node, request, "/cluster"),
    }
    missing = set(CLUSTER_FIELDS) & set(node.faults.get("missing_fields", ()))
    return {field: value for field, value in shown.items() if field not in missing}


def get_cluster(node, request):
    return Response.of_json(200, cluster_json(node, request))


def get_state(node, request):
    _, members, state = node.cluster.look()
    own = [member for member in members if member["name"] == node.settings.node_name]
    return Response.of_json(200, {
        "state": node.faults.get("unknown_cluster_state", state),
        "buildInfo": node_json(node, request, own[0]),
    })


def get_node(node, request):
    wanted = request.path.rpartition("/")[2]
    for member in node.visible(node.cluster.members()):
        if member["id"] == wanted:
            return Response.of_json(200, node_json(node, request, member))
    return Response.of_json(404, {"errors": [{"message": f"No node {wanted}"}]})


def is_repeat_ok(node):
    return node.settings.text("standin.zdu-repeat") == "ok"


def change(node, request, do):
    """A change answers with the cluster as it then is, or with an empty 409."""
    try:
        do()
    except WrongState:
        return Response(409)
    return get_cluster(node, request)


def start(node, request):
    return change(node, request, lambda: node.cluster.start_upgrade(is_repeat_ok(node)))


def cancel(node, request):
    return change(node, request, lambda: node.cluster.cancel_upgrade(is_repeat_ok(node)))


def approve(node, request):
    tasks_fail = node.faults.get("tasks_fail", False)
    return change(node, request, lambda: node.cluster.approve_upgrade(tasks_fail))


def is_served_form(node, request):
    """Versions differ in the path of the three changes; `standin.zdu-form` plays either."""
    form = node.settings.text("standin.zdu-form")
    if request.method != "POST" or form == "both":
        return True
    is_old = request.path.startswith("/rest/zdu/cluster/")
    return is_old == (form == "old")


def with_faults(node, request, handler):
    """
    zdu_status and zdu_html_503 stand for a request that was refused; zdu_hang_ms and
    zdu_half_answer for an answer that was lost after the request had been carried out.
    """
    only = node.faults.get("zdu_only")
    if only and request.path.rpartition("/")[2] not in only:
        return handler(node, request)
    forced = node.faults.get("zdu_status")
    if forced:
        return Response.of_json(forced, {"errors": [{"message": "a fault of the stand-in"}]})
    if node.faults.get("zdu_html_503"):
        return Response.of_html(503, "Service Unavailable")
    response = handler(node, request)
    response.is_cut = bool(node.faults.get("zdu_half_answer"))
    hang_ms = node.faults.get("zdu_hang_ms", 0)
    return after(hang_ms / 1000, response) if hang_ms else response


async def after(wait_s, response):
    await asyncio.sleep(wait_s)
    return response
