# SPDX-License-Identifier: Apache-2.0
"""Two controllers of one name at one Redis: the second does not start, or the first stands back."""

import os
import re
import signal
import socket
import time

from operator_wire import Operator
from processes import Daemon, wait_until
from rivals import RivalTrial

FAILED = 1
CLAIM_S = 6  # how long a claim outlives its holder


MORE_THAN_ONE_LANE = 40  # clusters; the reader has a connection for each 32


def wait_ended(daemon, deadline_s=15):
    wait_until(lambda: not daemon.is_running(), f"the end of {daemon.name}", deadline_s)
    return daemon.stop()


def test_second_controller_of_a_name_refuses_to_start_and_says_why(begin):
    trial = begin(kind=RivalTrial)
    instance, host, pid, _ = trial.claim("c1")
    assert (host, pid) == (socket.gethostname(), str(trial.controller.pid))
    second = trial.start_rival("c1", "double", is_expected_to_run=False)
    assert wait_ended(second) == FAILED
    assert (f"another controller at this Redis is named 'c1': instance {instance} on host {host}, "
            f"process {pid}") in trial.log("double")
    assert "give one of them another controller.name" in trial.log("double")
    assert "leading with epoch" not in trial.log("double")
    assert trial.claim("c1")[0] == instance and trial.admin.ask("nodes")["ok"]


def test_killed_controller_starts_again_at_once(begin):
    trial = begin(kind=RivalTrial)
    trial.kill_controller()
    begun = time.monotonic()
    trial.start_controller()
    wait_until(lambda: trial.claim("c1")[2] == str(trial.controller.pid), "the name", CLAIM_S)
    assert time.monotonic() - begun < CLAIM_S / 2
    assert "waiting whether its holder lives" not in trial.log()
    trial.wait_led()


def test_name_of_a_dead_controller_elsewhere_is_waited_for_and_taken(begin):
    trial = begin(kind=RivalTrial)
    trial.kill_controller()
    trial.start_rival("c1", "elsewhere")
    assert "the name 'c1' is taken; waiting whether its holder lives" in trial.log("elsewhere")
    wait_until(lambda: "leading with epoch 2" in trial.log("elsewhere"), "a new leader", 15)


def test_controller_that_ends_gives_its_name_back(begin):
    trial = begin(kind=RivalTrial)
    trial.end_controller()
    assert trial.claim("c1")[0] == ""


def test_controller_that_finds_its_name_taken_stands_back(begin):
    """It hung for longer than its claim lives, and somebody else came."""
    trial = begin(kind=RivalTrial)
    first = trial.claim("c1")[0]
    trial.controller.signal(signal.SIGSTOP)
    trial.start_rival("c1", "elsewhere")
    second, _, pid, _ = trial.claim("c1")
    assert second != first
    trial.wait_log("elsewhere", "leading with epoch 2")
    trial.controller.signal(signal.SIGCONT)
    trial.wait_log("controller", "standing back from all clusters")
    assert re.search(rf"another controller .* instance {second} on host \S+, process {pid}",
                     trial.log())
    assert trial.leader() == ("c1", 2) and trial.claim("c1")[0] == second
    assert trial.admin.ask("nodes")["ok"]


def test_leader_whose_name_is_taken_gives_its_clusters_to_others(begin):
    trial = begin(kind=RivalTrial, lease_ms=120_000)
    trial.start_rival("c2")
    assert trial.leader() == ("c1", 1)
    trial.store.call("SET", "shunt:controller:c1", "abcdef elsewhere 77 -", user="controller")
    trial.wait_log("controller", "instance abcdef on host elsewhere, process 77")
    trial.wait_leader("c2")
    trial.store.call("DEL", "shunt:controller:c1", user="controller")
    trial.wait_log("controller", "the name 'c1' is ours again")
    assert trial.leader() == ("c2", 2)


def test_redis_that_is_away_at_the_start_is_waited_for_and_the_name_claimed_then(begin, folder):
    trial = begin(kind=RivalTrial)
    path = os.path.join(folder, "late.yaml")
    with open(trial.config, encoding="utf-8") as own, open(path, "w", encoding="utf-8") as out:
        out.write(own.read().replace(trial.state_dir + '"', os.path.join(folder, "late") + '"')
                  .replace("redis.sock", "later.sock").replace('"c1"', '"c4"'))
    late = Daemon("late", [trial.program("shunt-controller"), "--config", path],
                  os.path.join(folder, "late.log"))
    trial.daemons.append(late)
    trial.wait_log("late", "redis is away")
    os.symlink(os.path.join(trial.redis_dir, "redis.sock"),
               os.path.join(trial.redis_dir, "later.sock"))
    wait_until(lambda: trial.claim("c4")[2] == str(late.pid), "the name", 15)


def test_controller_of_many_clusters_hears_each_of_them(begin):
    names = [f"more{number}x" for number in range(MORE_THAN_ONE_LANE)]
    trial = begin(kind=RivalTrial, others=names)
    for name in (names[0], names[-1]):
        trial.wait_leader("c1", name)
        asker = Operator(trial.store_of(name), "admin", trial.admin.key, cluster=name)
        answer = asker.ask("pause")
        assert not answer["ok"] and "no upgrade" in answer["error"]["message"], answer


def test_entry_larger_than_any_reply_hides_no_other(begin):
    trial = begin(kind=RivalTrial)
    request, huge = trial.admin.request("nodes"), b" " * (40 << 20)
    trial.controller.signal(signal.SIGSTOP)
    for _ in range(2):  # the first answers the read that waits; the next read has what follows
        trial.store.call("XADD", trial.store.key("report"), "*", "body", huge, user="controller")
    trial.admin.send(request)
    trial.controller.signal(signal.SIGCONT)
    assert trial.admin.answer(request)["ok"]
    assert "entries refused: no messages, or longer than 65536 bytes" in trial.log()
