# SPDX-License-Identifier: Apache-2.0
"""An agent, or a job of it, ends or stops between two effects."""

import pytest

from chaos import ALL, ChaosTrial, failpoints

# At which passing the agents are killed, and again after each new start.
AGAIN = {
    "record-before-accept": 2, "record-after-accept": 2, "job-after-fork": 2,
    "command-before-ack": 4, "record-before-end": 2, "record-after-end": 2,
    "report-before-send": 4, "report-after-send": 4,
}


def begun(begin, **options):
    return begin(kind=ChaosTrial, with_traffic=True, **options)


def test_each_failpoint_of_the_agent_has_its_scenario():
    assert sorted(AGAIN) == sorted(failpoints("agent"))


@pytest.mark.parametrize("name", AGAIN)
def test_agents_killed_there_again_and_again_do_all_once(begin, name):
    trial = begun(begin)
    point = f"{name}:{AGAIN[name]}=kill"
    trial.upgrade("7.9.4")
    for node in ALL:
        trial.arm_agent(node, point)
    agents = [trial.mortal_agent(node, point) for node in ALL]
    trial.end_in_spite(*agents)
    assert min(agent.deaths for agent in agents) >= 2, [agent.deaths for agent in agents]
    trial.assert_upgraded_once()


@pytest.mark.parametrize("name", failpoints("job"))
def test_agent_killed_with_its_job_there_resumes_it(begin, name):
    """The job is held at the failpoint, so that both die in that place."""
    trial = begun(begin)
    for node in ALL:
        trial.arm_agent(node, f"{name}=stop")
    trial.wait_plannable()
    trial.upgrade("7.9.4")
    for node in ALL:
        trial.wait_stopped_job(node)
        trial.kill_agent(node)
        trial.start_agent(trial.node(node))
    trial.ended("done")
    trial.assert_upgraded_once()


def test_job_that_is_killed_alone_is_done_again(begin):
    """As the kernel does it where memory is short: each job, at each failpoint on its way."""
    trial = begun(begin)
    points = failpoints("job")
    for node in ALL:
        trial.arm_agent(node, *(f"{point}=kill" for point in points))
    trial.wait_plannable()
    trial.upgrade("7.9.4")
    trial.ended("done")
    for node in ALL:
        assert trial.log(f"agent-{node}").count("was killed by somebody else") == len(points)
    trial.assert_upgraded_once()


def test_agents_that_hang_in_the_middle_go_on_when_they_wake_up(begin):
    trial = begun(begin)
    points = ",".join(f"record-after-accept:{count}=stop" for count in (3, 4, 5, 6, 7, 8))
    trial.upgrade("7.9.4")
    for node in ALL:
        trial.arm_agent(node, points)
    agents = [trial.mortal_agent(node, points) for node in ALL]
    trial.end_in_spite(*agents)
    assert min(agent.stops for agent in agents) >= 3
    trial.assert_upgraded_once()
