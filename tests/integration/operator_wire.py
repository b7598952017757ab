# SPDX-License-Identifier: Apache-2.0
"""What an operator and the controller say to each other, written down a second time."""

import base64
import json
import os
import uuid

from nacl.signing import SigningKey

from shunt_wire import (DOMAIN_REPORT, Redis, RedisError, now_ms, public_text, sign,
                        until)

DOMAIN_REQUEST = b"shunt request v1"
LIFE_MS = 60_000
ANSWER_S = 20
SECRET_PREFIX = "shunt-ed25519-private:"


def read_secret(path):
    with open(path, encoding="utf-8") as secret:
        return secret.read().strip()


def load_key(path):
    return SigningKey(base64.b64decode(read_secret(path).removeprefix(SECRET_PREFIX)))


def save_key(key, path):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as out:
        out.write(SECRET_PREFIX + base64.b64encode(bytes(key)).decode() + "\n")


def make_keys(folder):
    """Key files vera.key, otto.key, anna.key, and what the configuration says of them."""
    rows = []
    for name, role in (("vera", "viewer"), ("otto", "operator"), ("anna", "approver")):
        key = SigningKey.generate()
        save_key(key, os.path.join(folder, f"{name}.key"))
        rows.append({"name": name, "role": role, "key": public_text(key)})
    return rows


class Store:
    """The embedded Redis of a controller, as one of its users; connected anew for each call."""

    def __init__(self, state_dir, cluster="git"):
        self._redis_dir = os.path.join(state_dir, "redis")
        self._tag = f"shunt:{{{cluster}}}"

    def key(self, what):
        return f"{self._tag}:{what}"

    def call(self, *words, user="operator"):
        """A Redis that has just been started says that it is loading."""
        def attempt():
            try:
                return (self._call(words, user),)
            except RedisError as error:
                if not str(error).startswith("LOADING"):
                    raise
                return None
        return until(attempt, "a Redis that has loaded its data")[0]

    def _call(self, words, user):
        with Redis(os.path.join(self._redis_dir, "redis.sock"), ANSWER_S + 5) as redis:
            redis.call("AUTH", user, read_secret(os.path.join(self._redis_dir,
                                                              f"{user}.password")))
            return redis.call(*words)

    def status(self):
        """What `shunt status` reads; None while there is no Redis."""
        try:
            text = self.call("GET", self.key("status"))
        except OSError:
            return None
        return json.loads(text) if text else None

    def history(self):
        entries = self.call("XRANGE", self.key("history"), "-", "+")
        return [json.loads(fields[1]) for _, fields in entries]

    def add(self, stream, body, signer, signature, user="controller"):
        """An entry of a stream of messages, well signed or not."""
        self.call("XADD", self.key(stream), "*", "body", body, "key", signer, "sig", signature,
                  user=user)

    def add_report(self, key, signer, **fields):
        report = {"cluster": "git", "node": signer, "epoch": 1, "at_ms": now_ms(),
                  "elapsed_ms": 1, **fields}
        body = json.dumps(report).encode()
        self.add("report", body, signer, sign(key, DOMAIN_REPORT, body))


class Operator:
    """Somebody with a key who asks; `name` is what the request says."""

    def __init__(self, store, name, key, cluster="git"):
        self.store, self.name, self.key, self.cluster = store, name, key, cluster

    def request(self, verb, **fields):
        now = now_ms()
        return {"id": uuid.uuid4().hex, "cluster": self.cluster, "operator": self.name,
                "verb": verb, "issued_ms": now, "expires_ms": now + LIFE_MS, "to": "",
                "artifact": "", "sha256": "", "node": "", "with_rollback": False, **fields}

    def send(self, request, key=None):
        body = json.dumps(request).encode()
        self.store.add("request", body, self.name,
                       sign(key or self.key, DOMAIN_REQUEST, body), user="operator")

    def answer(self, request, deadline_s=ANSWER_S):
        """None if there is no answer in that time."""
        reply = self.store.call("BLPOP", self.store.key(f"answer:{request['id']}"), deadline_s)
        return json.loads(reply[1]) if reply else None

    def ask(self, verb, deadline_s=ANSWER_S, **fields):
        request = self.request(verb, **fields)
        self.send(request)
        answer = self.answer(request, deadline_s)
        assert answer is not None, f"{verb}: no answer in {deadline_s} s"
        return answer
