/* SPDX-License-Identifier: Apache-2.0 */
#include "operator.h"

#include "clock.h"
#include "incidents.h"
#include "keys.h"
#include "memory.h"
#include "programs.h"
#include "request.h"
#include "text.h"
#include "trace.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define LOOK_US      (5 * WORLD_S)
#define ASK_US       (20 * WORLD_S) /* an answer may be lost; she asks again */
#define RESUMES_MOST 6              /* then she takes it back: */
#define DECIDE_MOST  12             /* and then she gives up */

static struct {
    bool has_whims, is_called;
    bool has_begun; /* an upgrade was seen */
    int64_t asked_us, mended_us;
    uint32_t decisions;
} operator_state;

static void ask(enum request_verb verb, bool with_rollback)
{
    struct request request;
    char signature[KEY_SIGNATURE_TEXT_SIZE], id[33];
    memset(&request, 0, sizeof(request));
    key_random_id(id);
    TEXT_COPY(request.id, id);
    TEXT_COPY(request.cluster, "git");
    TEXT_COPY(request.operator, "ana");
    request.verb = verb;
    request.issued_ms = clock_wall_ms();
    request.expires_ms = request.issued_ms + 30000;
    request.with_rollback = with_rollback;
    if (verb == REQUEST_UPGRADE) {
        TEXT_COPY(request.to, WORLD_TO);
        TEXT_COPY(request.artifact, "/srv/artifact.tar.gz");
    }
    FREE_CLEANUP char *body = request_write(&request);
    key_sign(NULL, KEY_DOMAIN_REQUEST, body, strlen(body), signature);
    const char *argv[] = {"XADD",   "shunt:{git}:request", "*", "body", body, "key", "ana", "sig",
                          signature};
    if (verb == REQUEST_RESUME)
        world.resumed_us = schedule_now_us();
    trace_line("operator: %s%s", request_verb_name(verb), with_rollback ? " --rollback" : "");
    if (schedule_now_us() < world.redis.down_until_us)
        return;
    freeReplyObject(redis_server_execute(world.redis.server, clock_wall_ms(),
                                         sizeof(argv) / sizeof(argv[0]), argv, NULL));
    world.redis.additions = redis_server_additions(world.redis.server);
    signal_raise(&world.redis.news);
}

static void act_on_a_whim(const struct upgrade *upgrade)
{
    switch (random_between(&world.fault_random, 0, 11)) {
    case 0:
        ask(REQUEST_ABORT, false);
        return;
    case 1:
        ask(REQUEST_ABORT, true);
        return;
    case 2:
        ask(REQUEST_ROLLBACK, false);
        return;
    case 3:
    case 4:
        ask(REQUEST_PAUSE, false);
        return;
    default:
        if (upgrade->is_paused || upgrade->is_waiting)
            ask(REQUEST_RESUME, false);
        return;
    }
}

/* Something waits: she mends it, and tells Shunt to go on; in the end she takes it back. */
static void decide(const struct upgrade *upgrade)
{
    int64_t now_us = schedule_now_us();
    if (operator_state.mended_us == 0) {
        operator_state.mended_us = now_us;
        person_mends();
        return;
    }
    if (now_us < operator_state.mended_us + 60 * WORLD_S ||
        now_us < operator_state.asked_us + ASK_US)
        return;
    operator_state.asked_us = now_us;
    operator_state.mended_us = 0;
    uint32_t count = operator_state.decisions++;
    bool is_past_return = phase_table[upgrade->phase].is_past_return;
    if (count < RESUMES_MOST || is_past_return)
        ask(REQUEST_RESUME, false);
    else
        ask(count < DECIDE_MOST ? REQUEST_ROLLBACK : REQUEST_ABORT, false);
}

/* Where it waits for her approval there is nothing to mend. */
static bool wants_approval(const struct upgrade *upgrade)
{
    return upgrade->phase == PHASE_VERIFY && upgrade->is_waiting &&
           upgrade->policy.approve_by_hand && !upgrade->is_approved &&
           upgrade->reason.code == ERROR_CONFLICT;
}

static void look_after(const struct upgrade *upgrade)
{
    if (upgrade->phase == PHASE_ENDED)
        return;
    if (operator_state.has_whims && !operator_state.is_called &&
        random_one_in(&world.fault_random, 150))
        act_on_a_whim(upgrade);
    else if (wants_approval(upgrade) && schedule_now_us() > operator_state.asked_us + ASK_US) {
        operator_state.asked_us = schedule_now_us();
        ask(REQUEST_APPROVE, false);
    } else if (operator_state.is_called && (upgrade->is_waiting || upgrade->is_paused))
        decide(upgrade);
}

static void check_not_forgotten(void)
{
    const struct controller *leading = controller_leading();
    if (operator_state.has_begun && leading != NULL &&
        leading->shell->clusters[0].journal_error.code == ERROR_NONE && world.redis.lost_us == 0)
        rule_broken("an upgrade that was begun is not forgotten", "%s leads and knows of none",
                    leading->process.name);
}

static void look(void *context)
{
    const struct upgrade *upgrade = world_upgrade();
    schedule_at(schedule_now_us() + LOOK_US, look, context);
    if (upgrade != NULL) {
        operator_state.has_begun = true;
        look_after(upgrade);
        return;
    }
    check_not_forgotten();
    if (schedule_now_us() < operator_state.asked_us + ASK_US && operator_state.asked_us != 0)
        return;
    operator_state.asked_us = schedule_now_us();
    if (operator_state.is_called && !operator_state.has_begun)
        person_mends();
    ask(REQUEST_UPGRADE, false);
}

void operator_begin(bool has_whims)
{
    memset(&operator_state, 0, sizeof(operator_state));
    operator_state.has_whims = has_whims;
    schedule_at(2 * WORLD_S, look, NULL);
}

void operator_is_called(void)
{
    operator_state.is_called = true;
    operator_state.asked_us = 0;
}
