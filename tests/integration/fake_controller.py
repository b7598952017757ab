# SPDX-License-Identifier: Apache-2.0
"""A controller that decides nothing: it holds a lease, answers requests as a test wants, and
publishes what the test makes up. The operator's side of the wire, without the daemons."""

import base64
import copy
import json
import threading

from shunt_wire import Redis, is_signed, now_ms

DOMAIN_REQUEST = b"shunt request v1"
BEGUN_MS = 1_790_000_000_000  # 2026-09-21T14:13:20Z


def error(message, code="conflict", hint=""):
    return {"code": code, "message": message, "hint": hint}


def steps(**begun_and_took):
    return {name: {"begun_ms": begun, "took_ms": took}
            for name, (begun, took) in begun_and_took.items()}


def one_pass(name, ended_ms=0, **begun_and_took):
    made = steps(**begun_and_took)
    begun_ms = min(step["begun_ms"] for step in made.values())
    return {"pass": name, "begun_ms": begun_ms, "ended_ms": ended_ms, "steps": made}


def node(name, **fields):
    return {"node": name, "place": "old", "pass": "up", "step": "", "step_begun_ms": 0,
            "version": "7.9.0", "state": "ACTIVE", "load": 0, "sessions": -1, "connections": -1,
            "bytes_done": 0, "bytes_total": -1, "error": None, "passes": [], **fields}


def upgrade(**fields):
    return {"id": "20260921-141320-0001", "cluster": "git", "from": "7.9.0", "to": "7.9.4",
            "operator": "ana", "phase": "nodes", "outcome": "running", "begun_ms": BEGUN_MS,
            "ended_ms": 0, "is_paused": False, "is_waiting": False, "is_aborting": False,
            "reason": None, "cluster_state": "MIXED", "upgrade_mode": True,
            "nodes": [node("bb1"), node("bb2"), node("bb3")], **fields}


def status(current=None, **fields):
    return {"cluster": "git", "controller": "c1", "epoch": 7, "at_ms": now_ms(), "refused": 0,
            "error": None, "upgrade": current, **fields}


def check(name, subject="git", failure=None, detail=""):
    row = {"check": name, "subject": subject, "ok": failure is None, "detail": detail}
    return row if failure is None else {**row, "error": failure}


def plan(*checks):
    rows = checks or (check("nobody else at work"), check("agent", "bb1", detail="0.1.0"))
    return {"cluster": "git", "from": "7.9.0", "to": "7.9.4",
            "failed": sum(not row["ok"] for row in rows), "checks": list(rows),
            "order": [{"node": "bb2", "load": 0}, {"node": "bb1", "load": 3},
                      {"node": "bb3", "load": None}]}


class FakeController:
    """`answers` maps a verb to the answer without its id, or to a function of the request; a verb
    that is not there gets no answer. `requests` are those that came, well signed or not at all."""

    def __init__(self, path, operator_key, cluster="git"):
        self.cluster = cluster
        self.operator_key = operator_key
        self.answers = {}
        self.requests = []
        self.forged = 0
        self.lock = threading.Lock()  # for `redis`, which the test and the thread share
        self.redis = Redis(path)
        self.reader = Redis(path)
        self.is_ending = False
        self.last = "0"
        self.call("SET", self.key("lease"), "c1")
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def key(self, what):
        return f"shunt:{{{self.cluster}}}:{what}"

    def call(self, *words):
        with self.lock:
            return self.redis.call(*words)

    def publish(self, document):
        """A dictionary, or whatever bytes a test wants to be found there."""
        text = json.dumps(document) if isinstance(document, dict) else document
        self.call("SET", self.key("status"), text)
        self.call("XADD", self.key("news"), "*", "n", "1")

    def record(self, summary):
        self.call("XADD", self.key("history"), "*", "upgrade", json.dumps(summary))

    def give_up(self):
        """Another would lead now, if there were one."""
        self.call("DEL", self.key("lease"))

    def stop(self):
        self.is_ending = True
        self.thread.join()
        self.redis.close()
        self.reader.close()

    def _serve(self):
        stream = self.key("request")
        while not self.is_ending:
            try:
                reply = self.reader.call("XREAD", "BLOCK", 50, "STREAMS", stream, self.last)
            except OSError:
                return  # the test has ended Redis
            for entry, fields in reply[0][1] if reply else []:
                self.last = entry.decode()
                self._take(dict(zip(fields[::2], fields[1::2])))

    def _take(self, entry):
        body = entry[b"body"]
        request = json.loads(body)
        signature = base64.b64decode(entry[b"sig"])
        if len(signature) != 64 or not is_signed(self.operator_key, DOMAIN_REQUEST, body,
                                                 entry[b"sig"].decode()):
            self.forged += 1
            return
        assert entry[b"key"].decode() == request["operator"]
        self.requests.append(request)
        answer = self.answers.get(request["verb"])
        if callable(answer):
            answer = answer(request)
        if answer is None:
            return
        text = json.dumps({"id": request["id"], **answer}) if isinstance(answer, dict) else answer
        self.call("RPUSH", self.key("answer:" + request["id"]), text)


def changed(document, *path, to):
    """A copy with one member replaced, or taken out where `to` is Ellipsis."""
    made = copy.deepcopy(document)
    place = made
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return made
