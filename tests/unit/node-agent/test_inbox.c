/* SPDX-License-Identifier: Apache-2.0 */
#include "inbox.h"

#include "common/unit_test.h"
#include "memory.h"
#include "message_codec.h"
#include "text.h"

#define NOW_MS 1700000000000

static struct key_pair *controller_key;
static struct key_pair *stranger_key;
static struct agent_config config;

static int make_keys(void **state)
{
    struct error err;
    (void)state;
    if (!keys_init(&err))
        return -1;
    controller_key = key_pair_new();
    stranger_key = key_pair_new();
    TEXT_COPY(config.cluster, "git");
    TEXT_COPY(config.node, "bb1");
    TEXT_COPY(config.controllers[0].name, "c1");
    key_pair_public(controller_key, &config.controllers[0].key);
    config.controller_count = 1;
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    key_pair_free(controller_key);
    key_pair_free(stranger_key);
    return 0;
}

static struct command stop_command(void)
{
    return (struct command){
        .id = "u1:stop:bb1",
        .cluster = "git",
        .node = "bb1",
        .epoch = 7,
        .issued_ms = NOW_MS,
        .expires_ms = NOW_MS + 60000,
        .verb = VERB_STOP,
        .deadline_ms = 30000,
    };
}

/* ---- opening an entry ---- */

struct signed_text {
    char *body;
    char signature[KEY_SIGNATURE_TEXT_SIZE];
};

static struct channel_entry sign_text(struct signed_text *text, const struct key_pair *key,
                                      const char *domain, const char *body)
{
    text->body = memory_text(body);
    key_sign(key, domain, body, strlen(body), text->signature);
    return (struct channel_entry){
        .id = "1-1",
        .body = text->body,
        .body_size = strlen(body),
        .signer = "c1",
        .signature = text->signature,
    };
}

static struct channel_entry sign_command(struct signed_text *text, const struct key_pair *key,
                                         const char *domain)
{
    const struct command command = stop_command();
    FREE_CLEANUP char *body = command_write(&command);
    return sign_text(text, key, domain, body);
}

/* Expects the entry to be turned away; gives what is known of the command. */
static struct command assert_turned_away(const struct channel_entry *entry, enum refusal expected)
{
    struct command command = {0};
    struct error err = {0};
    enum refusal refusal = REFUSAL_NONE;
    assert_false(inbox_open(&config, entry, &command, &refusal, &err));
    assert_string_equal(refusal_name(refusal), refusal_name(expected));
    assert_int_not_equal(err.code, ERROR_NONE);
    assert_string_not_equal(err.message, "");
    return command;
}

static void well_signed_command_is_opened(void **state)
{
    struct signed_text text;
    struct command command;
    enum refusal refusal;
    (void)state;
    const struct channel_entry entry = sign_command(&text, controller_key, KEY_DOMAIN_COMMAND);
    assert_good(inbox_open(&config, &entry, &command, &refusal, &err));
    assert_string_equal(command.id, "u1:stop:bb1");
    assert_int_equal(command.verb, VERB_STOP);
    free(text.body);
}

static void entry_without_a_field_is_malformed(void **state)
{
    struct signed_text text;
    (void)state;
    const struct channel_entry whole = sign_command(&text, controller_key, KEY_DOMAIN_COMMAND);
    struct channel_entry entry = whole;
    entry.body = NULL;
    assert_turned_away(&entry, REFUSAL_MALFORMED);
    entry = whole;
    entry.signer = NULL;
    assert_turned_away(&entry, REFUSAL_MALFORMED);
    entry = whole;
    entry.signature = NULL;
    assert_turned_away(&entry, REFUSAL_MALFORMED);
    free(text.body);
}

static void stranger_is_not_obeyed(void **state)
{
    struct signed_text text;
    (void)state;
    struct channel_entry entry = sign_command(&text, stranger_key, KEY_DOMAIN_COMMAND);
    assert_turned_away(&entry, REFUSAL_FORGED);
    entry.signer = "c2";
    assert_turned_away(&entry, REFUSAL_UNKNOWN_SIGNER);
    entry.signer = "";
    assert_turned_away(&entry, REFUSAL_UNKNOWN_SIGNER);
    free(text.body);
}

static void any_changed_byte_is_a_forgery(void **state)
{
    struct signed_text text;
    (void)state;
    const struct channel_entry entry = sign_command(&text, controller_key, KEY_DOMAIN_COMMAND);
    for (size_t at = 0; at < entry.body_size; at++) {
        text.body[at] ^= 1;
        assert_turned_away(&entry, REFUSAL_FORGED);
        text.body[at] ^= 1;
    }
    for (size_t at = 0; text.signature[at] != '\0'; at++) {
        char kept = text.signature[at];
        text.signature[at] = kept == 'A' ? 'B' : 'A';
        assert_turned_away(&entry, REFUSAL_FORGED);
        text.signature[at] = kept;
    }
    free(text.body);
}

static void signed_report_does_not_pass_as_a_command(void **state)
{
    struct signed_text text;
    (void)state;
    const struct channel_entry entry = sign_command(&text, controller_key, KEY_DOMAIN_REPORT);
    assert_turned_away(&entry, REFUSAL_FORGED);
    free(text.body);
}

static void garbled_command_keeps_its_id_for_the_report(void **state)
{
    static const struct {
        const char *body, *id;
    } rows[] = {
        {"{\"id\": \"x1\"}", "x1"},
        {"{\"id\": \"x1\", \"verb\": \"format-disk\"}", "x1"},
        {"{\"id\": \"../../etc\"}", ""},
        {"{\"id\": 7}", ""},
        {"{\"id\": \"x1\", \"id\": \"x2\"}", ""},
        {"[]", ""},
        {"", ""},
        {"{\"id\": \"x1\"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct signed_text text;
        const struct channel_entry entry =
            sign_text(&text, controller_key, KEY_DOMAIN_COMMAND, rows[i].body);
        struct command command = assert_turned_away(&entry, REFUSAL_GARBLED);
        assert_string_equal(command.id, rows[i].id);
        free(text.body);
    }
}

static void only_what_is_well_signed_is_owed_a_report(void **state)
{
    (void)state;
    assert_false(refusal_is_attributed(REFUSAL_MALFORMED));
    assert_false(refusal_is_attributed(REFUSAL_UNKNOWN_SIGNER));
    assert_false(refusal_is_attributed(REFUSAL_FORGED));
    assert_true(refusal_is_attributed(REFUSAL_GARBLED));
    assert_true(refusal_is_attributed(REFUSAL_STALE_EPOCH));
}

/* ---- deciding ---- */

static struct inbox_state idle_state(void)
{
    return (struct inbox_state){
        .cluster = "git", .node = "bb1", .epoch = 7, .now_ms = NOW_MS, .has_bitbucket = true};
}

static struct inbox_verdict decide(const struct inbox_state *state, const struct command *command)
{
    struct inbox_verdict verdict;
    inbox_decide(state, command, &verdict);
    return verdict;
}

static void assert_accepted(const struct inbox_state *state, const struct command *command)
{
    struct inbox_verdict verdict = decide(state, command);
    assert_int_equal(verdict.decision, INBOX_ACCEPT);
    assert_int_equal(verdict.refusal, REFUSAL_NONE);
}

static void assert_refused(const struct inbox_state *state, const struct command *command,
                           enum refusal refusal, enum error_code code, const char *part)
{
    struct inbox_verdict verdict = decide(state, command);
    assert_int_equal(verdict.decision, INBOX_REFUSE);
    assert_string_equal(refusal_name(verdict.refusal), refusal_name(refusal));
    assert_string_equal(error_code_name(verdict.error.code), error_code_name(code));
    assert_non_null(strstr(verdict.error.message, part));
}

static void new_command_in_time_is_accepted(void **state)
{
    const struct inbox_state idle = idle_state();
    struct command command = stop_command();
    (void)state;
    assert_accepted(&idle, &command);
    assert_false(decide(&idle, &command).raises_epoch);
}

static void command_for_another_node_or_cluster_is_refused(void **state)
{
    const struct inbox_state idle = idle_state();
    struct command command = stop_command();
    (void)state;
    TEXT_COPY(command.node, "bb2");
    command.epoch = 99;
    assert_refused(&idle, &command, REFUSAL_MISADDRESSED, ERROR_INVALID, "git/bb2");
    /* Another cluster counts its epochs by itself. */
    assert_false(decide(&idle, &command).raises_epoch);
    command = stop_command();
    TEXT_COPY(command.cluster, "other");
    assert_refused(&idle, &command, REFUSAL_MISADDRESSED, ERROR_INVALID, "other/bb1");
}

static void overtaken_leader_is_refused(void **state)
{
    const struct inbox_state idle = idle_state();
    struct command command = stop_command();
    (void)state;
    command.epoch = 6;
    assert_refused(&idle, &command, REFUSAL_STALE_EPOCH, ERROR_STALE, "epoch 6");
}

static void overtaken_leader_is_refused_a_repeat_too(void **state)
{
    struct inbox_state now = idle_state();
    const struct command known = stop_command();
    struct command command = stop_command();
    (void)state;
    now.known = &known;
    command.epoch = 6;
    assert_refused(&now, &command, REFUSAL_STALE_EPOCH, ERROR_STALE, "epoch 6");
}

static void higher_epoch_is_to_be_recorded_whatever_becomes_of_the_command(void **state)
{
    struct inbox_state now = idle_state();
    const struct command known = stop_command();
    struct command command = stop_command();
    (void)state;
    command.epoch = 8;
    assert_accepted(&now, &command);
    assert_true(decide(&now, &command).raises_epoch);
    command.expires_ms = 1;
    assert_refused(&now, &command, REFUSAL_EXPIRED, ERROR_TIMEOUT, "expired");
    assert_true(decide(&now, &command).raises_epoch);
    now.known = &known;
    assert_true(decide(&now, &command).raises_epoch);
}

static void repeat_is_answered_whatever_its_expiry(void **state)
{
    struct inbox_state now = idle_state();
    const struct command known = stop_command();
    struct command command = stop_command();
    (void)state;
    now.known = &known;
    now.now_ms = command.expires_ms + 1;
    assert_int_equal(decide(&now, &command).decision, INBOX_ANSWER);
}

static void new_leader_repeats_with_its_own_epoch_and_times(void **state)
{
    struct inbox_state now = idle_state();
    const struct command known = stop_command();
    struct command command = stop_command();
    (void)state;
    now.known = &known;
    command.epoch = 9;
    command.issued_ms += 5000;
    command.expires_ms += 5000;
    assert_int_equal(decide(&now, &command).decision, INBOX_ANSWER);
}

static void repeat_is_answered_while_another_job_runs(void **state)
{
    struct inbox_state now = idle_state();
    const struct command known = stop_command();
    (void)state;
    now.known = &known;
    now.busy = &known;
    now.job_count = INBOX_JOBS_MOST;
    assert_int_equal(decide(&now, &known).decision, INBOX_ANSWER);
}

/* A command of that verb, with each argument that it takes. */
static struct command full_command(enum verb verb)
{
    struct command command = stop_command();
    command.verb = verb;
    command.deadline_ms = 1000;
    command.duration_ms = 2000;
    TEXT_COPY(command.version, "7.9.4");
    TEXT_COPY(command.previous_version, "7.9.3");
    TEXT_COPY(command.artifact, "/srv/a.tar.gz");
    TEXT_COPY(command.sha256, "00");
    TEXT_COPY(command.target_id, "u1:stop:bb2");
    return command;
}

static void assert_reused(const struct command *known, const struct command *command)
{
    struct inbox_state now = idle_state();
    now.known = known;
    assert_int_equal(decide(&now, known).decision, INBOX_ANSWER);
    assert_refused(&now, command, REFUSAL_REUSED_ID, ERROR_CONFLICT, "used before");
}

static void known_id_that_asks_for_another_verb_is_refused(void **state)
{
    (void)state;
    for (unsigned verb = 0; verb < VERB_COUNT; verb++) {
        const struct command known = full_command((enum verb)verb);
        const struct command other = full_command((enum verb)((verb + 1) % VERB_COUNT));
        assert_reused(&known, &other);
    }
}

static void known_id_with_another_argument_is_refused(void **state)
{
    const struct command stage = full_command(VERB_STAGE);
    const struct command stop = full_command(VERB_STOP);
    const struct command watch = full_command(VERB_WATCH);
    const struct command prune = full_command(VERB_PRUNE);
    const struct command cancel = full_command(VERB_CANCEL);
    struct command other = stage;
    (void)state;
    TEXT_COPY(other.version, "7.9.5");
    assert_reused(&stage, &other);
    other = stage;
    TEXT_COPY(other.artifact, "/srv/b.tar.gz");
    assert_reused(&stage, &other);
    other = stage;
    TEXT_COPY(other.sha256, "01");
    assert_reused(&stage, &other);
    other = stop;
    other.force = true;
    assert_reused(&stop, &other);
    other = watch;
    other.duration_ms++;
    assert_reused(&watch, &other);
    other = prune;
    TEXT_COPY(other.previous_version, "7.9.2");
    assert_reused(&prune, &other);
    other = cancel;
    TEXT_COPY(other.target_id, "u1:stop:bb3");
    assert_reused(&cancel, &other);
}

static void expired_command_is_refused(void **state)
{
    struct inbox_state now = idle_state();
    struct command command = stop_command();
    (void)state;
    now.now_ms = command.expires_ms;
    assert_accepted(&now, &command);
    now.now_ms++;
    assert_refused(&now, &command, REFUSAL_EXPIRED, ERROR_TIMEOUT, "expired 1 ms ago");
    command.expires_ms = 0;
    assert_refused(&now, &command, REFUSAL_EXPIRED, ERROR_TIMEOUT, "expired");
}

static void command_from_the_future_names_the_clock_skew(void **state)
{
    const struct inbox_state idle = idle_state();
    struct command command = stop_command();
    (void)state;
    command.issued_ms = NOW_MS + INBOX_CLOCK_SKEW_MS;
    assert_accepted(&idle, &command);
    command.issued_ms++;
    assert_refused(&idle, &command, REFUSAL_CLOCK_SKEW, ERROR_INVALID, "clock skew");
    command.issued_ms = INT64_MAX;
    assert_refused(&idle, &command, REFUSAL_CLOCK_SKEW, ERROR_INVALID, "clock skew");
}

static void second_change_of_the_node_is_refused_and_names_the_first(void **state)
{
    struct inbox_state now = idle_state();
    struct command running = stop_command();
    struct command command = stop_command();
    (void)state;
    TEXT_COPY(running.id, "u1:stage:bb1");
    running.verb = VERB_STAGE;
    now.busy = &running;
    now.job_count = 1;
    assert_refused(&now, &command, REFUSAL_BUSY, ERROR_BUSY, "u1:stage:bb1 (stage)");
}

static void looking_is_allowed_while_the_node_is_changed(void **state)
{
    struct inbox_state now = idle_state();
    const struct command running = stop_command();
    struct command command = stop_command();
    (void)state;
    command.verb = VERB_FACTS;
    now.busy = &running;
    now.job_count = 1;
    assert_accepted(&now, &command);
}

static void number_of_jobs_is_bounded(void **state)
{
    struct inbox_state now = idle_state();
    struct command command = stop_command();
    (void)state;
    command.verb = VERB_FACTS;
    now.job_count = INBOX_JOBS_MOST - 1;
    assert_accepted(&now, &command);
    now.job_count = INBOX_JOBS_MOST;
    assert_refused(&now, &command, REFUSAL_TOO_MANY_JOBS, ERROR_BUSY, "8 jobs");
}

static void cancel_gets_through_when_all_is_busy(void **state)
{
    struct inbox_state now = idle_state();
    const struct command running = stop_command();
    struct command command = stop_command();
    (void)state;
    command.verb = VERB_CANCEL;
    TEXT_COPY(command.target_id, running.id);
    now.busy = &running;
    now.job_count = INBOX_JOBS_MOST;
    assert_accepted(&now, &command);
}

static struct command lb_command(enum verb verb)
{
    struct command command = stop_command();
    command.verb = verb;
    TEXT_COPY(command.id, "lb.edge.1");
    TEXT_COPY(command.load_balancer, "edge");
    command.members.count = 1;
    TEXT_COPY(command.members.names[0], "bb_http/n1");
    if (verb == VERB_LB_SET)
        TEXT_COPY(command.admin, "drain");
    return command;
}

static void agent_without_bitbucket_does_nothing_to_one(void **state)
{
    struct inbox_state now = idle_state();
    struct command command = stop_command(), facts = stop_command();
    const struct command read = lb_command(VERB_LB_READ);
    (void)state;
    now.has_bitbucket = false;
    now.has_load_balancers = true;
    facts.verb = VERB_FACTS;
    assert_refused(&now, &command, REFUSAL_NOT_HERE, ERROR_INVALID, "no Bitbucket");
    assert_accepted(&now, &facts);
    assert_accepted(&now, &read);
}

static void agent_without_load_balancers_does_nothing_to_one(void **state)
{
    const struct inbox_state idle = idle_state();
    const struct command read = lb_command(VERB_LB_READ), set = lb_command(VERB_LB_SET);
    (void)state;
    assert_refused(&idle, &read, REFUSAL_NOT_HERE, ERROR_NOT_FOUND, "no load balancers");
    assert_refused(&idle, &set, REFUSAL_NOT_HERE, ERROR_NOT_FOUND, "no load balancers");
}

static void overtaken_leader_neither_reads_nor_sets_a_load_balancer(void **state)
{
    struct inbox_state now = idle_state();
    struct command read = lb_command(VERB_LB_READ), set = lb_command(VERB_LB_SET);
    (void)state;
    now.has_load_balancers = true;
    read.epoch = set.epoch = now.epoch - 1;
    assert_refused(&now, &read, REFUSAL_STALE_EPOCH, ERROR_STALE, "overtaken");
    assert_refused(&now, &set, REFUSAL_STALE_EPOCH, ERROR_STALE, "overtaken");
}

static void same_id_for_other_members_is_refused(void **state)
{
    struct inbox_state now = idle_state();
    const struct command set = lb_command(VERB_LB_SET);
    struct command other = set;
    (void)state;
    now.has_load_balancers = true;
    now.known = &set;
    assert_int_equal(decide(&now, &set).decision, INBOX_ANSWER);
    TEXT_COPY(other.members.names[0], "bb_http/n2");
    assert_refused(&now, &other, REFUSAL_REUSED_ID, ERROR_CONFLICT, "used before");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_signed_command_is_opened),
        cmocka_unit_test(entry_without_a_field_is_malformed),
        cmocka_unit_test(stranger_is_not_obeyed),
        cmocka_unit_test(any_changed_byte_is_a_forgery),
        cmocka_unit_test(signed_report_does_not_pass_as_a_command),
        cmocka_unit_test(garbled_command_keeps_its_id_for_the_report),
        cmocka_unit_test(only_what_is_well_signed_is_owed_a_report),
        cmocka_unit_test(new_command_in_time_is_accepted),
        cmocka_unit_test(command_for_another_node_or_cluster_is_refused),
        cmocka_unit_test(overtaken_leader_is_refused),
        cmocka_unit_test(overtaken_leader_is_refused_a_repeat_too),
        cmocka_unit_test(higher_epoch_is_to_be_recorded_whatever_becomes_of_the_command),
        cmocka_unit_test(repeat_is_answered_whatever_its_expiry),
        cmocka_unit_test(new_leader_repeats_with_its_own_epoch_and_times),
        cmocka_unit_test(repeat_is_answered_while_another_job_runs),
        cmocka_unit_test(known_id_that_asks_for_another_verb_is_refused),
        cmocka_unit_test(known_id_with_another_argument_is_refused),
        cmocka_unit_test(expired_command_is_refused),
        cmocka_unit_test(command_from_the_future_names_the_clock_skew),
        cmocka_unit_test(second_change_of_the_node_is_refused_and_names_the_first),
        cmocka_unit_test(looking_is_allowed_while_the_node_is_changed),
        cmocka_unit_test(number_of_jobs_is_bounded),
        cmocka_unit_test(cancel_gets_through_when_all_is_busy),
        cmocka_unit_test(agent_without_bitbucket_does_nothing_to_one),
        cmocka_unit_test(agent_without_load_balancers_does_nothing_to_one),
        cmocka_unit_test(overtaken_leader_neither_reads_nor_sets_a_load_balancer),
        cmocka_unit_test(same_id_for_other_members_is_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
