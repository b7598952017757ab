/* SPDX-License-Identifier: Apache-2.0 */
#include "message_codec.h"

#include "common/unit_test.h"
#include "memory.h"
#include "text.h"

#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* What a reader of commands or of reports makes of a text. */
static bool read_command(const char *text, struct command *ret_command, struct error *err)
{
    return command_read(text, strlen(text), ret_command, err);
}

static bool read_report(const char *text, struct report *ret_report, struct error *err)
{
    return report_read(text, strlen(text), ret_report, err);
}

static struct command stage_command(void)
{
    return (struct command){.id = "c1-7:bb1:stage",
                            .cluster = "c1",
                            .node = "bb1",
                            .epoch = INT64_MAX,
                            .issued_ms = 1700000000000,
                            .expires_ms = 1700000060000,
                            .verb = VERB_STAGE,
                            .version = "7.9.4",
                            .artifact = "https://host/bitbucket-7.9.4.tar.gz?x=\"y\"",
                            .sha256 = HASH,
                            .deadline_ms = 600000};
}

static struct report failed_report(void)
{
    struct report report = {.command_id = "c1-7:bb1:stop",
                            .cluster = "c1",
                            .node = "bb1",
                            .kind = REPORT_FAILED,
                            .verb = VERB_STOP,
                            .epoch = 4,
                            .at_ms = 1700000000000,
                            .elapsed_ms = 1500,
                            .connections = 3,
                            .bytes_total = -1};
    error_set(&report.error, ERROR_TIMEOUT, "stop: still running: \"java\"\n\xC3\xA4");
    error_hint(&report.error, "look at the log");
    return report;
}

static struct report hello_report(void)
{
    return (struct report){.cluster = "c1",
                           .node = "bb1",
                           .kind = REPORT_HELLO,
                           .verb = VERB_FACTS,
                           .at_ms = 1700000000000,
                           .connections = -1,
                           .bytes_total = -1,
                           .has_facts = true,
                           .facts = {.agent_version = "0.1.0",
                                     .running_version = "7.9.0",
                                     .linked_version = "7.9.0",
                                     .install_root = "/opt/atlassian",
                                     .home = "/var/bitbucket",
                                     .releases = "7.9.0 7.9.4",
                                     .pid = 4711,
                                     .free_bytes = 1 << 30,
                                     .free_inodes = -1,
                                     .load_1m_x100 = 150,
                                     .clock_ms = 1700000000000}};
}

static struct report members_report(void)
{
    struct report report = {.command_id = "lb.edge.1",
                            .cluster = "c1",
                            .node = "lb1",
                            .kind = REPORT_DONE,
                            .verb = VERB_LB_READ,
                            .connections = -1,
                            .bytes_total = -1,
                            .is_blind = true,
                            .member_count = LIMIT_LB_MEMBERS};
    for (size_t i = 0; i < LIMIT_LB_MEMBERS; i++)
        report.members[i] = (struct message_member){.member = "bb_http/n1",
                                                    .admin = "drain",
                                                    .health = "changing",
                                                    .is_checked = true,
                                                    .sessions = -1,
                                                    .settle_ms = 1500,
                                                    .weight = (int64_t)i,
                                                    .peers_up = 2};
    return report;
}

static void command_reads_back_as_it_was_written(void **state)
{
    (void)state;
    struct command command = stage_command();
    struct command back;
    memset(&back, 0xAA, sizeof(back));
    FREE_CLEANUP char *text = command_write(&command);
    assert_good(read_command(text, &back, &err));
    assert_memory_equal(&back, &command, sizeof(back));
}

static void command_has_only_the_fields_of_its_verb(void **state)
{
    (void)state;
    struct command command = {.id = "x",
                              .cluster = "c1",
                              .node = "bb1",
                              .epoch = 3,
                              .issued_ms = 1,
                              .expires_ms = 2,
                              .verb = VERB_STOP,
                              .deadline_ms = 5,
                              .force = true};
    FREE_CLEANUP char *text = command_write(&command);
    assert_string_equal(text, "{\"id\":\"x\",\"cluster\":\"c1\",\"node\":\"bb1\",\"epoch\":3,"
                              "\"issued_ms\":1,\"expires_ms\":2,\"verb\":\"stop\","
                              "\"deadline_ms\":5,\"force\":true}");
}

static void every_verb_reads_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VERB_COUNT; i++) {
        unsigned required = verb_required_arguments((enum verb)i);
        struct command back,
            command = {.id = "x", .cluster = "c1", .node = "bb1", .verb = (enum verb)i};
        strcpy(command.version, required & ARGUMENT_VERSION ? "7.9.4" : "");
        strcpy(command.previous_version, required & ARGUMENT_PREVIOUS_VERSION ? "7.9.0" : "");
        strcpy(command.artifact, required & ARGUMENT_ARTIFACT ? "/a" : "");
        strcpy(command.target_id, required & ARGUMENT_TARGET ? "y" : "");
        strcpy(command.load_balancer, required & ARGUMENT_LOAD_BALANCER ? "edge" : "");
        strcpy(command.admin, required & ARGUMENT_ADMIN ? "drain" : "");
        command.members.count = required & ARGUMENT_MEMBERS ? 2 : 0;
        for (size_t m = 0; m < command.members.count; m++)
            strcpy(command.members.names[m], "bb_http/n1");
        command.deadline_ms = required & ARGUMENT_DEADLINE ? 5 : 0;
        command.duration_ms = required & ARGUMENT_DURATION ? 5 : 0;
        FREE_CLEANUP char *text = command_write(&command);
        assert_good(read_command(text, &back, &err));
        assert_memory_equal(&back, &command, sizeof(back));
    }
}

static void report_of_failure_reads_back(void **state)
{
    (void)state;
    struct report report = failed_report();
    struct report back = {0};
    FREE_CLEANUP char *text = report_write(&report);
    assert_good(read_report(text, &back, &err));
    assert_int_equal(back.kind, REPORT_FAILED);
    assert_int_equal(back.verb, VERB_STOP);
    assert_int_equal(back.epoch, 4);
    assert_int_equal(back.elapsed_ms, 1500);
    assert_int_equal(back.connections, 3);
    assert_int_equal(back.error.code, ERROR_TIMEOUT);
    assert_string_equal(back.error.message, report.error.message);
    assert_string_equal(back.error.hint, report.error.hint);
    assert_false(back.has_facts);
}

static void facts_with_room_read_back(void **state)
{
    struct report report = hello_report(), back;
    (void)state;
    strcpy(report.facts.room.detail, "612 MiB (as the archive's end says)");
    strcpy(report.facts.room.failure, "8 MiB usable");
    strcpy(report.facts.room.hint, "make room");
    FREE_CLEANUP char *text = report_write(&report);
    assert_good(read_report(text, &back, &err));
    assert_memory_equal(&back.facts, &report.facts, sizeof(back.facts));
    report.facts.room.failure[0] = '\n';
    FREE_CLEANUP char *bad = report_write(&report);
    assert_fails(read_report(bad, &back, &err), ERROR_PROTOCOL, "'room' is not printable");
}

static void hello_with_facts_reads_back(void **state)
{
    (void)state;
    struct report report = hello_report();
    struct report back;
    memset(&back, 0xAA, sizeof(back));
    FREE_CLEANUP char *text = report_write(&report);
    assert_good(read_report(text, &back, &err));
    assert_true(back.has_facts);
    assert_memory_equal(&back.facts, &report.facts, sizeof(back.facts));
    assert_string_equal(back.command_id, "");
    assert_int_equal(back.error.code, ERROR_NONE);
}

static void complaints_read_back(void **state)
{
    (void)state;
    struct report report = hello_report();
    struct report back;
    report.facts.complaint_count = MESSAGE_COMPLAINTS;
    strcpy(report.facts.complaints[0].message, "git: there is none");
    strcpy(report.facts.complaints[0].hint, "install git");
    FREE_CLEANUP char *text = report_write(&report);
    assert_good(read_report(text, &back, &err));
    assert_int_equal(back.facts.complaint_count, MESSAGE_COMPLAINTS);
    assert_string_equal(back.facts.complaints[0].message, "git: there is none");
    assert_string_equal(back.facts.complaints[0].hint, "install git");
    assert_string_equal(back.facts.complaints[1].message, "");
}

static void complaints_of_another_form_are_refused(void **state)
{
    static const char *const lists[] = {"{}",
                                        "[1]",
                                        "[{\"message\":\"a\"}]",
                                        "[{\"message\":\"a\\nb\",\"hint\":\"\"}]",
                                        "[{\"message\":\"a\",\"hint\":\"\",\"x\":\"\"}]",
                                        "[1,2,3,4,5,6,7,8,9]"};
    (void)state;
    struct report report = hello_report();
    struct report back;
    FREE_CLEANUP char *text = report_write(&report);
    const char *facts = strstr(text, "\"facts\":{") + strlen("\"facts\":{");
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        FREE_CLEANUP char *wrong =
            memory_format("%.*s\"complaints\":%s,%s", (int)(facts - text), text, lists[i], facts);
        assert_fails(read_report(wrong, &back, &err), ERROR_PROTOCOL, "complaints");
    }
}

static void state_of_members_reads_back(void **state)
{
    (void)state;
    struct report report = members_report();
    struct report back;
    FREE_CLEANUP char *text = report_write(&report);
    assert_good(read_report(text, &back, &err));
    assert_true(back.is_blind);
    assert_int_equal(back.member_count, LIMIT_LB_MEMBERS);
    assert_memory_equal(back.members, report.members, sizeof(back.members));
}

static void longest_members_fit_the_wire(void **state)
{
    (void)state;
    struct report back, report = members_report();
    struct command asked, command = {.id = "x",
                                     .cluster = "c",
                                     .node = "n",
                                     .verb = VERB_LB_READ,
                                     .load_balancer = "e",
                                     .deadline_ms = 1};
    command.members.count = LIMIT_LB_MEMBERS;
    for (size_t i = 0; i < LIMIT_LB_MEMBERS; i++) {
        memset(report.members[i].member, '"', LIMIT_LB_MEMBER - 1);
        memset(command.members.names[i], '\\', LIMIT_LB_MEMBER - 1);
    }
    FREE_CLEANUP char *report_text = report_write(&report);
    FREE_CLEANUP char *command_text = command_write(&command);
    assert_good(read_report(report_text, &back, &err));
    assert_good(read_command(command_text, &asked, &err));
}

static void figures_that_are_not_given_are_not_known(void **state)
{
    (void)state;
    struct report back;
    assert_good(read_report("{\"command_id\":\"x\",\"cluster\":\"c\",\"node\":\"n\","
                            "\"kind\":\"progress\",\"verb\":\"stage\",\"epoch\":1,\"at_ms\":1,"
                            "\"elapsed_ms\":1}",
                            &back, &err));
    assert_int_equal(back.connections, -1);
    assert_int_equal(back.bytes_done, 0);
    assert_int_equal(back.bytes_total, -1);
    assert_string_equal(back.sha256, "");
}

static void text_that_is_not_utf8_is_sent_readably(void **state)
{
    (void)state;
    struct report report = failed_report();
    struct report back;
    memset(report.error.message, 0xFF, sizeof(report.error.message) - 1);
    FREE_CLEANUP char *text = report_write(&report);
    assert_good(read_report(text, &back, &err));
    assert_int_equal(strspn(back.error.message, "?"), sizeof(back.error.message) - 1);
}

static void longest_report_fits_the_wire(void **state)
{
    (void)state;
    struct report report = hello_report();
    struct report back;
    report.kind = REPORT_FAILED;
    strcpy(report.command_id, "x");
    report.error.code = ERROR_SYSTEM;
    memset(report.error.message, 1, sizeof(report.error.message) - 1);
    memset(report.error.hint, 1, sizeof(report.error.hint) - 1);
    memset(report.facts.install_root, 1, sizeof(report.facts.install_root) - 1);
    memset(report.facts.home, 1, sizeof(report.facts.home) - 1);
    memset(report.facts.releases, 1, sizeof(report.facts.releases) - 1);
    report.facts.complaint_count = MESSAGE_COMPLAINTS;
    for (size_t i = 0; i < MESSAGE_COMPLAINTS; i++) {
        struct node_complaint *complaint = &report.facts.complaints[i];
        memset(complaint->message, '"', sizeof(complaint->message) - 1);
        memset(complaint->hint, '"', sizeof(complaint->hint) - 1);
    }
    FREE_CLEANUP char *text = report_write(&report);
    assert_good(read_report(text, &back, &err));
}

#define ENVELOPE                                                                                   \
    "\"id\":\"x\",\"cluster\":\"c\",\"node\":\"n\",\"epoch\":1,\"issued_ms\":1,\"expires_ms\":2"

static void malformed_command_is_refused_by_the_name_of_its_field(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *named;
    } rows[] = {
        {"{" ENVELOPE "}", "'verb' is missing"},
        {"{" ENVELOPE ",\"verb\":\"shell\"}", "'verb' is 'shell'"},
        {"{" ENVELOPE ",\"verb\":1}", "'verb' is not a text"},
        {"{" ENVELOPE ",\"verb\":\"facts\",\"command\":\"rm\"}", "'command' has no place"},
        {"{" ENVELOPE ",\"verb\":\"facts\",\"Artifact\":\"/a\"}", "'Artifact'"},
        {"{" ENVELOPE ",\"verb\":\"unstage\",\"sha256\":\"00\"}", "'sha256' has no place"},
        {"{" ENVELOPE ",\"verb\":\"facts\",\"artifact\":null}", "'artifact' is not a text"},
        {"{" ENVELOPE ",\"verb\":\"facts\",\"artifact\":[\"/a\"]}", "'artifact'"},
        {"{" ENVELOPE ",\"verb\":\"stop\",\"deadline_ms\":\"5\"}", "'deadline_ms'"},
        {"{" ENVELOPE ",\"verb\":\"stop\",\"deadline_ms\":5.0}", "'deadline_ms'"},
        {"{" ENVELOPE ",\"verb\":\"stop\",\"deadline_ms\":-5}", "'deadline_ms'"},
        {"{" ENVELOPE ",\"verb\":\"stop\",\"deadline_ms\":5,\"force\":1}", "'force'"},
        {"{" ENVELOPE ",\"verb\":\"facts\",\"epoch\":2}", "duplicate"},
        {"{\"cluster\":\"c\",\"node\":\"n\",\"verb\":\"facts\"}", "'id' is missing"},
        {"{\"id\":\"x\",\"cluster\":\"c\",\"node\":\"n\",\"epoch\":-1}", "'epoch'"},
        {"{\"id\":\"x\",\"cluster\":\"c\",\"node\":\"n\",\"epoch\":9223372036854775808}", "JSON"},
        {"[]", "not an object"},
        {"", "not JSON"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct command command;
        memset(&command, 0xAA, sizeof(command));
        assert_fails(read_command(rows[i].text, &command, &err), ERROR_PROTOCOL, rows[i].named);
        assert_int_equal(command.id[0], (char)0xAA);
    }
}

#define LB_READ "{" ENVELOPE ",\"verb\":\"lb-read\",\"deadline_ms\":5,\"load_balancer\":\"e\""

static void malformed_list_of_members_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        LB_READ ",\"members\":\"n1\"}",
        LB_READ ",\"members\":{\"a\":\"n1\"}}",
        LB_READ ",\"members\":[1]}",
        LB_READ ",\"members\":[\"n1\",null]}",
        LB_READ ",\"members\":[[\"n1\"]]}",
        LB_READ ",\"members\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}",
    };
    struct command command;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(read_command(bad[i], &command, &err), ERROR_PROTOCOL, "'members'");
    assert_fails(read_command(LB_READ ",\"members\":[]}", &command, &err), ERROR_INVALID,
                 "members: missing");
    FREE_CLEANUP char *longer = memory_format(LB_READ ",\"members\":[\"%0256d\"]}", 1);
    assert_fails(read_command(longer, &command, &err), ERROR_PROTOCOL, "'members'");
}

static void command_of_the_wrong_form_is_refused_as_invalid(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{" ENVELOPE ",\"verb\":\"stop\"}",
        "{" ENVELOPE ",\"verb\":\"unstage\",\"version\":\"../7.9.4\"}",
        "{" ENVELOPE ",\"verb\":\"facts\",\"artifact\":\"/../etc/shadow\"}",
        "{" ENVELOPE ",\"verb\":\"facts\",\"artifact\":\"file:///etc/shadow\"}",
        "{" ENVELOPE ",\"verb\":\"cancel\",\"target_id\":\"../x\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct command command;
        assert_fails(read_command(bad[i], &command, &err), ERROR_INVALID, "command: command '");
    }
}

static void text_longer_than_its_field_is_refused(void **state)
{
    (void)state;
    struct command back, command = stage_command();
    memset(command.id, 'a', sizeof(command.id) - 1);
    FREE_CLEANUP char *text = command_write(&command);
    assert_good(read_command(text, &back, &err));
    FREE_CLEANUP char *longer = memory_format("{\"id\":\"a%s", text + strlen("{\"id\":\""));
    assert_fails(read_command(longer, &back, &err), ERROR_PROTOCOL, "'id' is longer than");
}

#define REPORT(kind, verb)                                                                         \
    "{\"command_id\":\"x\",\"cluster\":\"c\",\"node\":\"n\",\"kind\":\"" kind                      \
    "\",\"verb\":\"" verb "\",\"epoch\":1,\"at_ms\":1,\"elapsed_ms\":1"

static void malformed_report_is_refused_by_the_name_of_its_field(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *named;
    } rows[] = {
        {REPORT("maybe", "stop") "}", "'kind' is 'maybe'"},
        {REPORT("done", "stop") ",\"bytes_done\":1}", "'bytes_done' has no place"},
        {REPORT("done", "stop") ",\"connections\":-2}", "'connections'"},
        {REPORT("done", "stop") ",\"error\":{}}", "'error' has no place"},
        {REPORT("failed", "stop") "}", "'error' is missing"},
        {REPORT("failed", "stop") ",\"error\":null}", "'error' is not an object"},
        {REPORT("failed", "stop") ",\"error\":{\"code\":\"full\"}}", "'message' is missing"},
        {REPORT("failed", "stop") ",\"error\":{\"code\":\"none\",\"message\":\"\",\"hint\":\"\"}}",
         "'code'"},
        {REPORT("failed", "stop") ",\"error\":{\"code\":\"full\",\"message\":\"\",\"hint\":\"\","
                                  "\"more\":1}}",
         "'more'"},
        {REPORT("done", "facts") ",\"facts\":{}}", "'facts': 'agent_version' is missing"},
        {REPORT("done", "facts") ",\"facts\":[]}", "'facts' is not an object"},
        {"{\"command_id\":\"\",\"cluster\":\"c\",\"node\":\"n\",\"kind\":\"done\","
         "\"verb\":\"stop\",\"epoch\":1,\"at_ms\":1,\"elapsed_ms\":1}",
         "'command_id'"},
        {"{\"command_id\":\"x\",\"cluster\":\"c}\",\"node\":\"n\",\"kind\":\"done\","
         "\"verb\":\"stop\",\"epoch\":1,\"at_ms\":1,\"elapsed_ms\":1}",
         "'cluster'"},
        {"{\"command_id\":\"x\",\"cluster\":\"c\",\"node\":\"n/\",\"kind\":\"done\","
         "\"verb\":\"stop\",\"epoch\":1,\"at_ms\":1,\"elapsed_ms\":1}",
         "'node'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct report report;
        memset(&report, 0xAA, sizeof(report));
        assert_fails(read_report(rows[i].text, &report, &err), ERROR_PROTOCOL, rows[i].named);
        assert_int_equal(report.node[0], (char)0xAA);
    }
}

#define MEMBER(admin, health, sessions, peers_up)                                                  \
    REPORT("done", "lb-read")                                                                      \
    ",\"members\":[{\"member\":\"n1\",\"admin\":\"" admin "\",\"health\":\"" health                \
    "\",\"is_checked\":true,\"sessions\":" sessions                                                \
    ",\"settle_ms\":0,\"weight\":1,\"peers_up\":" peers_up "}]}"

static void state_of_a_member_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *named;
    } rows[] = {
        {REPORT("done", "lb-read") "}", "'members' is not a list"},
        {REPORT("done", "lb-read") ",\"members\":[1]}", "'members' is not a list"},
        {REPORT("done", "lb-read") ",\"members\":[{\"member\":\"n1\"}]}",
         "'members[0]': 'admin' is missing"},
        {REPORT("done", "lb-set") ",\"members\":[]}", "'members' has no place"},
        {REPORT("progress", "lb-read") ",\"members\":[]}", "'members' has no place"},
        {MEMBER("ready", "up", "0", "1"), "admin"},
        {MEMBER("up", "well", "0", "1"), "health"},
        {MEMBER("up", "up", "-2", "1"), "'sessions'"},
        {MEMBER("up", "up", "9223372036854775807", "1"), "a figure"},
        {MEMBER("up", "up", "0", "4294967296"), "a figure"},
        {MEMBER("up", "up", "0", "1,\"more\":1"), "'more'"},
    };
    struct report report;
    assert_good(read_report(MEMBER("up", "up", "0", "1"), &report, &err));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_fails(read_report(rows[i].text, &report, &err), ERROR_PROTOCOL, rows[i].named);
}

static void error_code_of_a_newer_agent_is_read_as_protocol(void **state)
{
    (void)state;
    struct report back;
    assert_good(read_report(REPORT("failed", "stop") ",\"error\":{\"code\":\"melted\","
                                                     "\"message\":\"m\",\"hint\":\"\"}}",
                            &back, &err));
    assert_int_equal(back.error.code, ERROR_PROTOCOL);
}

static void message_beyond_the_limit_is_refused_unread(void **state)
{
    (void)state;
    FREE_CLEANUP char *text = memory_format("{}%*s", LIMIT_MESSAGE_BYTES, "");
    struct command command;
    struct report report;
    assert_fails(read_command(text, &command, &err), ERROR_PROTOCOL, "65536 are the most");
    assert_fails(read_report(text, &report, &err), ERROR_PROTOCOL, "65536 are the most");
}

static void truncated_messages_are_refused(void **state)
{
    (void)state;
    struct command command = stage_command();
    struct report report = hello_report();
    FREE_CLEANUP char *command_text = command_write(&command);
    FREE_CLEANUP char *report_text = report_write(&report);
    for (size_t size = 0; size < strlen(command_text); size++)
        assert_fails(command_read(command_text, size, &command, &err), ERROR_PROTOCOL, "JSON");
    for (size_t size = 0; size < strlen(report_text); size++)
        assert_fails(report_read(report_text, size, &report, &err), ERROR_PROTOCOL, "JSON");
}

/* A reader may take a flipped digit for another number, but never gives an invalid command. */
static void flipped_bytes_give_a_valid_command_or_an_error(void **state)
{
    (void)state;
    struct command command = stage_command();
    FREE_CLEANUP char *text = command_write(&command);
    size_t size = strlen(text);
    size_t accepted = 0;
    for (size_t at = 0; at < size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct command back;
            struct error refusal = {0};
            text[at] ^= (char)(1U << bit);
            bool is_good = command_read(text, size, &back, &refusal);
            text[at] ^= (char)(1U << bit);
            assert_int_equal(is_good, refusal.code == ERROR_NONE);
            if (is_good)
                assert_good(command_validate(&back, &err));
            accepted += is_good;
        }
    }
    assert_true(accepted > 0);
}

static void flipped_bytes_give_a_sane_report_or_an_error(void **state)
{
    (void)state;
    struct report report = failed_report();
    FREE_CLEANUP char *text = report_write(&report);
    size_t size = strlen(text);
    for (size_t at = 0; at < size; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct report back;
            struct error refusal = {0};
            char kept = text[at];
            text[at] = (char)byte;
            bool is_good = report_read(text, size, &back, &refusal);
            text[at] = kept;
            assert_int_equal(is_good, refusal.code == ERROR_NONE);
            assert_true(!is_good || (text_is_name(back.node) && text_is_name(back.cluster) &&
                                     message_is_id(back.command_id)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_reads_back_as_it_was_written),
        cmocka_unit_test(command_has_only_the_fields_of_its_verb),
        cmocka_unit_test(every_verb_reads_back),
        cmocka_unit_test(report_of_failure_reads_back),
        cmocka_unit_test(hello_with_facts_reads_back),
        cmocka_unit_test(facts_with_room_read_back),
        cmocka_unit_test(complaints_read_back),
        cmocka_unit_test(complaints_of_another_form_are_refused),
        cmocka_unit_test(state_of_members_reads_back),
        cmocka_unit_test(longest_members_fit_the_wire),
        cmocka_unit_test(figures_that_are_not_given_are_not_known),
        cmocka_unit_test(text_that_is_not_utf8_is_sent_readably),
        cmocka_unit_test(longest_report_fits_the_wire),
        cmocka_unit_test(malformed_command_is_refused_by_the_name_of_its_field),
        cmocka_unit_test(malformed_list_of_members_is_refused),
        cmocka_unit_test(command_of_the_wrong_form_is_refused_as_invalid),
        cmocka_unit_test(text_longer_than_its_field_is_refused),
        cmocka_unit_test(malformed_report_is_refused_by_the_name_of_its_field),
        cmocka_unit_test(state_of_a_member_that_makes_no_sense_is_refused),
        cmocka_unit_test(error_code_of_a_newer_agent_is_read_as_protocol),
        cmocka_unit_test(message_beyond_the_limit_is_refused_unread),
        cmocka_unit_test(truncated_messages_are_refused),
        cmocka_unit_test(flipped_bytes_give_a_valid_command_or_an_error),
        cmocka_unit_test(flipped_bytes_give_a_sane_report_or_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
