/* SPDX-License-Identifier: Apache-2.0 */
#include "inbox.h"

#include "check.h"
#include "json.h"
#include "memory.h"
#include "message_codec.h"
#include "text.h"

#include <string.h>

static const struct {
    const char *name;
    bool is_attributed;
} refusals[] = {
    [REFUSAL_NONE] = {"none", false},
    [REFUSAL_MALFORMED] = {"malformed", false},
    [REFUSAL_UNKNOWN_SIGNER] = {"unknown-signer", false},
    [REFUSAL_FORGED] = {"forged", false},
    [REFUSAL_GARBLED] = {"garbled", true},
    [REFUSAL_MISADDRESSED] = {"misaddressed", true},
    [REFUSAL_STALE_EPOCH] = {"stale-epoch", true},
    [REFUSAL_REUSED_ID] = {"reused-id", true},
    [REFUSAL_NOT_HERE] = {"not-here", true},
    [REFUSAL_EXPIRED] = {"expired", true},
    [REFUSAL_CLOCK_SKEW] = {"clock-skew", true},
    [REFUSAL_BUSY] = {"busy", true},
    [REFUSAL_TOO_MANY_JOBS] = {"too-many-jobs", true},
    [REFUSAL_NOT_RECORDED] = {"not-recorded", true},
};
_Static_assert(sizeof(refusals) / sizeof(refusals[0]) == REFUSAL_COUNT, "one row a refusal");

const char *refusal_name(enum refusal refusal)
{
    CHECK((unsigned)refusal < REFUSAL_COUNT);
    return refusals[refusal].name;
}

bool refusal_is_attributed(enum refusal refusal)
{
    CHECK((unsigned)refusal < REFUSAL_COUNT);
    return refusals[refusal].is_attributed;
}

static const struct controller_key *find_controller(const struct agent_config *config,
                                                    const char *name)
{
    for (size_t i = 0; i < config->controller_count; i++) {
        if (text_equal(config->controllers[i].name, name))
            return &config->controllers[i];
    }
    return NULL;
}

/* The id of a command that cannot be understood, e.g. of a newer version with a field more: its
 * sender then learns from a report what a time-out would never tell. */
static void salvage_id(const struct channel_entry *entry, struct command *ret_command)
{
    json_t *object JSON_CLEANUP = NULL;
    struct error ignored;
    memset(ret_command, 0, sizeof(*ret_command));
    if (!json_read_object(entry->body, entry->body_size, &object, &ignored))
        return;
    if (!json_get_text(object, "id", ret_command->id, sizeof(ret_command->id), &ignored))
        return;
    if (!message_is_id(ret_command->id))
        ret_command->id[0] = '\0';
}

bool inbox_open(const struct agent_config *config, const struct channel_entry *entry,
                struct command *ret_command, enum refusal *ret_refusal, struct error *err)
{
    if (entry->body == NULL || entry->signer == NULL || entry->signature == NULL) {
        *ret_refusal = REFUSAL_MALFORMED;
        error_set(err, ERROR_PROTOCOL, "a field is missing, or the entry is too long");
        return false;
    }
    const struct controller_key *controller = find_controller(config, entry->signer);
    if (controller == NULL) {
        *ret_refusal = REFUSAL_UNKNOWN_SIGNER;
        error_set(err, ERROR_DENIED, "no controller '%.63s' in the configuration", entry->signer);
        return false;
    }
    if (!key_verify(&controller->key, KEY_DOMAIN_COMMAND, entry->body, entry->body_size,
                    entry->signature, err)) {
        *ret_refusal = REFUSAL_FORGED;
        error_wrap(err, "in the name of controller '%s'", controller->name);
        return false;
    }
    if (!command_read(entry->body, entry->body_size, ret_command, err)) {
        *ret_refusal = REFUSAL_GARBLED;
        salvage_id(entry, ret_command);
        error_wrap(err, "from controller '%s'", controller->name);
        return false;
    }
    return true;
}

/* A new leader repeats a command with its own epoch and times: all else counts, also the arguments
 * that verbs will have one day, hence the comparison as text. */
static bool asks_the_same(const struct command *known, const struct command *command)
{
    struct command expected = *known;
    expected.epoch = command->epoch;
    expected.issued_ms = command->issued_ms;
    expected.expires_ms = command->expires_ms;
    expected.deadline_ms = command->deadline_ms; /* what is left of it */
    FREE_CLEANUP char *expected_text = command_write(&expected);
    FREE_CLEANUP char *text = command_write(command);
    return text_equal(expected_text, text);
}

static enum refusal check_sender(const struct inbox_state *state, const struct command *command,
                                 struct error *err)
{
    if (!text_equal(command->cluster, state->cluster) || !text_equal(command->node, state->node)) {
        error_set(err, ERROR_INVALID, "the command is for %s/%s, this is %s/%s", command->cluster,
                  command->node, state->cluster, state->node);
        return REFUSAL_MISADDRESSED;
    }
    if (command->epoch < state->epoch) {
        error_set(err, ERROR_STALE, "epoch %llu has been overtaken by %llu",
                  (unsigned long long)command->epoch, (unsigned long long)state->epoch);
        return REFUSAL_STALE_EPOCH;
    }
    return REFUSAL_NONE;
}

static enum refusal check_subject(const struct inbox_state *state, const struct command *command,
                                  struct error *err)
{
    enum verb_subject subject = verb_subject(command->verb);
    if (subject == SUBJECT_NODE && !state->has_bitbucket) {
        error_set(err, ERROR_INVALID, "there is no Bitbucket here");
        error_hint(err, "the agent's configuration has no section `bitbucket`");
        return REFUSAL_NOT_HERE;
    }
    if (subject == SUBJECT_LB && !state->has_load_balancers) {
        error_set(err, ERROR_NOT_FOUND, "there are no load balancers here");
        error_hint(err, "the agent's configuration has no list `load_balancers`");
        return REFUSAL_NOT_HERE;
    }
    return REFUSAL_NONE;
}

static enum refusal check_times(const struct inbox_state *state, const struct command *command,
                                struct error *err)
{
    if (command->issued_ms > state->now_ms + INBOX_CLOCK_SKEW_MS) {
        error_set(err, ERROR_INVALID, "clock skew: issued %lld s in this node's future",
                  (long long)((command->issued_ms - state->now_ms) / 1000));
        error_hint(err, "set the clocks of controller and node (NTP)");
        return REFUSAL_CLOCK_SKEW;
    }
    if (command->expires_ms < state->now_ms) {
        error_set(err, ERROR_TIMEOUT, "the command expired %lld ms ago",
                  (long long)(state->now_ms - command->expires_ms));
        error_hint(err, "the agent was away, or its clock is ahead of the controller's (NTP)");
        return REFUSAL_EXPIRED;
    }
    return REFUSAL_NONE;
}

/* A cancel is done by the main loop, without a job: it must get through when all is busy. */
static enum refusal check_load(const struct inbox_state *state, const struct command *command,
                               struct error *err)
{
    if (command->verb == VERB_CANCEL)
        return REFUSAL_NONE;
    if (verb_is_effect(command->verb) && state->busy != NULL) {
        error_set(err, ERROR_BUSY, "job %s (%s) is running", state->busy->id,
                  verb_name(state->busy->verb));
        return REFUSAL_BUSY;
    }
    if (state->job_count >= INBOX_JOBS_MOST) {
        error_set(err, ERROR_BUSY, "%zu jobs are running already", state->job_count);
        return REFUSAL_TOO_MANY_JOBS;
    }
    return REFUSAL_NONE;
}

static enum refusal check_known(const struct inbox_state *state, const struct command *command,
                                struct error *err)
{
    if (asks_the_same(state->known, command))
        return REFUSAL_NONE;
    error_set(err, ERROR_CONFLICT, "id %s was used before, for another command (%s)", command->id,
              verb_name(state->known->verb));
    return REFUSAL_REUSED_ID;
}

void inbox_decide(const struct inbox_state *state, const struct command *command,
                  struct inbox_verdict *ret_verdict)
{
    struct inbox_verdict verdict = {.decision = INBOX_ACCEPT};
    struct error *err = &verdict.error;

    verdict.refusal = check_sender(state, command, err);
    if (verdict.refusal == REFUSAL_NONE) {
        verdict.raises_epoch = command->epoch > state->epoch;
        if (state->known != NULL) {
            verdict.decision = state->is_cut_off ? INBOX_RESUME : INBOX_ANSWER;
            verdict.refusal = check_known(state, command, err);
            if (verdict.refusal == REFUSAL_NONE && state->is_cut_off)
                verdict.refusal = check_load(state, command, err);
        } else {
            verdict.refusal = check_subject(state, command, err);
            if (verdict.refusal == REFUSAL_NONE)
                verdict.refusal = check_times(state, command, err);
            if (verdict.refusal == REFUSAL_NONE)
                verdict.refusal = check_load(state, command, err);
        }
    }
    if (verdict.refusal != REFUSAL_NONE)
        verdict.decision = INBOX_REFUSE;
    *ret_verdict = verdict;
}
