/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include "common/unit_test.h"
#include "text.h"

#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* A command with exactly the given arguments. */
static struct command command_with(enum verb verb, unsigned arguments)
{
    struct command command = {
        .id = "c1-7:stage", .cluster = "c1", .node = "bb1", .epoch = 3, .verb = verb};
    if (arguments & ARGUMENT_VERSION)
        strcpy(command.version, "7.9.4");
    if (arguments & ARGUMENT_PREVIOUS_VERSION)
        strcpy(command.previous_version, "7.9.0");
    if (arguments & ARGUMENT_ARTIFACT)
        strcpy(command.artifact, "/srv/releases/bitbucket.tar.gz");
    if (arguments & ARGUMENT_SHA256)
        strcpy(command.sha256, HASH);
    if (arguments & ARGUMENT_TARGET)
        strcpy(command.target_id, "c1-6");
    command.deadline_ms = arguments & ARGUMENT_DEADLINE ? 60000 : 0;
    command.duration_ms = arguments & ARGUMENT_DURATION ? 60000 : 0;
    command.force = (arguments & ARGUMENT_FORCE) != 0;
    command.kill = (arguments & ARGUMENT_KILL) != 0;
    if (arguments & ARGUMENT_LOAD_BALANCER)
        strcpy(command.load_balancer, "edge");
    if (arguments & ARGUMENT_MEMBERS) {
        command.members.count = 1;
        strcpy(command.members.names[0], "bb_http/n1");
    }
    if (arguments & ARGUMENT_ADMIN)
        strcpy(command.admin, "drain");
    return command;
}

static void every_verb_and_kind_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VERB_COUNT; i++) {
        enum verb verb = VERB_COUNT;
        assert_true(verb_parse(verb_name((enum verb)i), &verb));
        assert_int_equal(verb, i);
    }
    for (unsigned i = 0; i < REPORT_KIND_COUNT; i++) {
        enum report_kind kind = REPORT_KIND_COUNT;
        assert_true(report_kind_parse(report_kind_name((enum report_kind)i), &kind));
        assert_int_equal(kind, i);
    }
}

static void unknown_words_are_refused(void **state)
{
    (void)state;
    enum verb verb;
    enum report_kind kind;
    assert_false(verb_parse("shell", &verb));
    assert_false(verb_parse("", &verb));
    assert_false(verb_parse("STOP", &verb));
    assert_false(report_kind_parse("maybe", &kind));
}

static void verbs_that_change_the_host_are_effects(void **state)
{
    (void)state;
    static const enum verb looks[] = {VERB_FACTS, VERB_CONNECTIONS, VERB_PROBE,
                                      VERB_WATCH, VERB_LB_READ,     VERB_CUSTOMISATIONS};
    for (unsigned verb = 0; verb < VERB_COUNT; verb++) {
        bool is_look = false;
        for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
            is_look = is_look || looks[i] == verb;
        assert_int_equal(verb_is_effect((enum verb)verb), !is_look);
    }
}

static void questions_are_what_is_not_recorded(void **state)
{
    (void)state;
    for (unsigned verb = 0; verb < VERB_COUNT; verb++)
        assert_int_equal(verb_is_question((enum verb)verb),
                         verb == VERB_LB_READ || verb == VERB_CUSTOMISATIONS);
}

static void agent_without_bitbucket_can_be_asked_about_itself_and_load_balancers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VERB_COUNT; i++) {
        enum verb verb = (enum verb)i;
        bool is_lb = strncmp(verb_name(verb), "lb-", 3) == 0;
        bool is_host = verb == VERB_FACTS || verb == VERB_CANCEL;
        assert_int_equal(verb_subject(verb),
                         is_lb ? SUBJECT_LB : (is_host ? SUBJECT_HOST : SUBJECT_NODE));
    }
}

static void final_kinds_end_a_command(void **state)
{
    (void)state;
    assert_true(report_kind_is_final(REPORT_DONE));
    assert_true(report_kind_is_final(REPORT_FAILED));
    assert_true(report_kind_is_final(REPORT_REFUSED));
    assert_false(report_kind_is_final(REPORT_HELLO));
    assert_false(report_kind_is_final(REPORT_ACCEPTED));
    assert_false(report_kind_is_final(REPORT_PROGRESS));
}

static void each_verb_takes_its_required_and_optional_arguments(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VERB_COUNT; i++) {
        enum verb verb = (enum verb)i;
        unsigned required = verb_required_arguments(verb);
        struct command least = command_with(verb, required);
        struct command most = command_with(verb, required | verb_optional_arguments(verb));
        assert_good(command_validate(&least, &err));
        assert_good(command_validate(&most, &err));
    }
}

static void missing_or_foreign_argument_is_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VERB_COUNT; i++) {
        enum verb verb = (enum verb)i;
        unsigned required = verb_required_arguments(verb);
        unsigned allowed = required | verb_optional_arguments(verb);
        for (unsigned argument = 1; argument <= ARGUMENT_ADMIN; argument <<= 1) {
            struct command command = command_with(verb, required ^ argument);
            if (required & argument)
                assert_fails(command_validate(&command, &err), ERROR_INVALID, "missing");
            else if (!(allowed & argument))
                assert_fails(command_validate(&command, &err), ERROR_INVALID, "does not take it");
        }
    }
}

static void artifact_is_a_safe_path_or_url(void **state)
{
    (void)state;
    static const char *const good[] = {
        "/srv/a.tar.gz",         "/srv/..a/b..c", "/srv/with space/\xC3\xA4", "http://host/a",
        "https://h:8443/a?b=@c", "https://h/a@b", "https://h/../a",
    };
    static const char *const bad[] = {
        "srv/a",         "./a",          "ftp://h/a",       "file:///a",   "https://",
        "https:///a",    "http://u@h/a", "https://u:p@h/a", "https://u@h", "https://u@h?x",
        "/srv/../etc/a", "/..",          "/srv/..",         "/a\nb",       "/a\x7F",
        "https://h/a b", "https://h/\n", "https://a\\@h/",  "HTTPS://h/a", "https://h/\xC3\xA4",
        "/a\xFF",        "-o",           "/\x1B[2J",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct command command = command_with(VERB_FACTS, 0);
        strcpy(command.artifact, good[i]);
        assert_good(command_validate(&command, &err));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct command command = command_with(VERB_FACTS, 0);
        strcpy(command.artifact, bad[i]);
        assert_fails(command_validate(&command, &err), ERROR_INVALID, "artifact");
    }
}

static void path_longer_than_a_path_is_refused(void **state)
{
    (void)state;
    struct command command = command_with(VERB_FACTS, 0);
    memset(command.artifact, 'a', LIMIT_PATH);
    command.artifact[0] = '/';
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "too long");
}

static void hash_is_64_lower_case_hex_digits(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "e3b0", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct command command = command_with(VERB_STAGE, verb_required_arguments(VERB_STAGE));
        strcpy(command.sha256, bad[i]);
        assert_fails(command_validate(&command, &err), ERROR_INVALID, "sha256");
    }
}

static void id_is_safe_as_a_file_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ".", "..", "../x", "a/b", "a b", "-x", "a\n", "a\"b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct command command = command_with(VERB_FACTS, 0);
        strcpy(command.id, bad[i]);
        assert_fails(command_validate(&command, &err), ERROR_INVALID, "id");
        command = command_with(VERB_CANCEL, ARGUMENT_TARGET);
        strcpy(command.target_id, bad[i]);
        assert_fails(command_validate(&command, &err), ERROR_INVALID, "target_id");
    }
}

static void malformed_envelope_is_refused(void **state)
{
    (void)state;
    struct command command = command_with(VERB_FACTS, 0);
    strcpy(command.cluster, "a{b}");
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "cluster");
    command = command_with(VERB_FACTS, 0);
    strcpy(command.node, "../x");
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "node");
    command = command_with(VERB_FACTS, 0);
    command.epoch = UINT64_MAX;
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "epoch");
    command = command_with(VERB_FACTS, 0);
    command.verb = VERB_COUNT;
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "verb");
}

static void malformed_version_or_negative_time_is_refused(void **state)
{
    (void)state;
    struct command command = command_with(VERB_UNSTAGE, ARGUMENT_VERSION);
    strcpy(command.version, "../7.9.4");
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "version");
    command = command_with(VERB_PRUNE, ARGUMENT_VERSION | ARGUMENT_PREVIOUS_VERSION);
    strcpy(command.previous_version, "7.9");
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "previous_version");
    command = command_with(VERB_STOP, ARGUMENT_DEADLINE);
    command.deadline_ms = -1;
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "deadline_ms");
    command = command_with(VERB_WATCH, ARGUMENT_VERSION | ARGUMENT_DURATION);
    command.duration_ms = -1;
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "duration_ms");
}

static struct command lb_command(void)
{
    return command_with(VERB_LB_SET, verb_required_arguments(VERB_LB_SET));
}

static void members_are_one_to_eight_printable_texts(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a\nset server b/c state maint", "\x1B[2J", "n\xFF"};
    struct command command = lb_command();
    for (size_t i = 0; i < LIMIT_LB_MEMBERS; i++)
        strcpy(command.members.names[i], "http://10.0.0.11:7990 n\xC3\xA4");
    command.members.count = LIMIT_LB_MEMBERS;
    assert_good(command_validate(&command, &err));
    command.members.count++;
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "members: too many");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        command = lb_command();
        strcpy(command.members.names[0], bad[i]);
        assert_fails(command_validate(&command, &err), ERROR_INVALID, "members");
    }
}

static void state_of_members_and_load_balancer_are_known_words(void **state)
{
    (void)state;
    static const char *const good[] = {"up", "drain", "down"};
    static const char *const bad[] = {"UP", "ready", "maint", "up "};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct command command = lb_command();
        strcpy(command.admin, good[i]);
        assert_good(command_validate(&command, &err));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct command command = lb_command();
        strcpy(command.admin, bad[i]);
        assert_fails(command_validate(&command, &err), ERROR_INVALID, "admin");
    }
    struct command command = lb_command();
    strcpy(command.load_balancer, "../edge");
    assert_fails(command_validate(&command, &err), ERROR_INVALID, "load_balancer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_and_kind_is_found_by_its_name),
        cmocka_unit_test(unknown_words_are_refused),
        cmocka_unit_test(verbs_that_change_the_host_are_effects),
        cmocka_unit_test(questions_are_what_is_not_recorded),
        cmocka_unit_test(agent_without_bitbucket_can_be_asked_about_itself_and_load_balancers),
        cmocka_unit_test(final_kinds_end_a_command),
        cmocka_unit_test(each_verb_takes_its_required_and_optional_arguments),
        cmocka_unit_test(missing_or_foreign_argument_is_refused),
        cmocka_unit_test(artifact_is_a_safe_path_or_url),
        cmocka_unit_test(path_longer_than_a_path_is_refused),
        cmocka_unit_test(hash_is_64_lower_case_hex_digits),
        cmocka_unit_test(id_is_safe_as_a_file_name),
        cmocka_unit_test(malformed_envelope_is_refused),
        cmocka_unit_test(malformed_version_or_negative_time_is_refused),
        cmocka_unit_test(members_are_one_to_eight_printable_texts),
        cmocka_unit_test(state_of_members_and_load_balancer_are_known_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
