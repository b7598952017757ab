# SPDX-License-Identifier: Apache-2.0
"""What a node answers beside the rolling-upgrade API. Each handler takes the node and a request."""

import asyncio
import json
import uuid

from http_messages import Response

STREAM_PIECES = 10
SESSION_COOKIE = "BITBUCKETSESSIONID"


def status(node, _request):
    """Without login; the word counts, not the code: MAINTENANCE is 200 too."""
    word = node.faults.get("status_state", node.state)
    if word == "STARTING":
        return Response.of_json(503, {"state": word})
    if word == "ERROR":
        return Response.of_json(node.faults.get("status_error_code", 503), {"state": word})
    return Response.of_json(200, {"state": word})


def home_page(node, request):
    """Names the node that answered, and gives the session a cookie that balancers can stick to."""
    headers = ()
    if SESSION_COOKIE not in request.headers.get("cookie", ""):
        session = f"{SESSION_COOKIE}={uuid.uuid4().hex}.{node.settings.node_name}"
        headers = (("Set-Cookie", f"{session}; Path=/; HttpOnly"),)
    text = f"Bitbucket {node.settings.version} on {node.settings.node_name}"
    return Response.of_html(200, text, headers)


def slow(_node, request):
    wait_s = request.milliseconds("ms")

    async def answer():
        await asyncio.sleep(wait_s)
        return Response(200, "slow\n")

    return answer()


def stream(_node, request):
    wait_s = request.milliseconds("ms") / STREAM_PIECES

    async def pieces():
        for number in range(STREAM_PIECES):
            await asyncio.sleep(wait_s)
            yield f"piece {number}\n".encode()

    return Response(200, stream=pieces())


def echo(_node, request):
    return Response(200, request.body, request.headers.get("content-type", "text/plain"))


def application_properties(node, _request):
    settings = node.settings
    return Response.of_json(200, {"version": settings.version, "displayName": "Bitbucket",
                                  "buildNumber": settings.build_number,
                                  "buildDate": "1600000000000"})


def admin_cluster(node, _request):
    """This node's own member list. With split_brain it sees itself alone, and says nothing else."""
    members = [m for m in node.visible(node.cluster.members()) if m["alive"] and m["joined"]]
    nodes = [member_json(node, member) for member in members]
    local = [entry for entry in nodes if entry["local"]]
    return Response.of_json(200, {"localNode": local[0], "nodes": nodes, "running": True})


def member_json(node, member):
    return {
        "id": member["id"],
        "name": member["name"],
        "address": {"hostName": member["ipAddress"], "port": member["portNumber"]},
        "local": member["name"] == node.settings.node_name,
        "buildVersion": member["version"],
    }


def setup_show(node, _request):
    return Response.of_json(200, node.faults.all)


def setup_merge(node, request):
    try:
        node.faults.merge(json.loads(request.body))
    except ValueError as error:
        return Response(400, f"{error}\n")
    node.apply_faults()
    return Response.of_json(200, node.faults.all)


def git(node, request):
    return node.git.answer_http(request)
