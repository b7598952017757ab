/* SPDX-License-Identifier: Apache-2.0 */
#include "bitbucket_read.h"

#include "common/unit_test.h"

/* As the reference documents show it, with what Shunt has no use for. */
static const char documented[] =
    "{\"upgradeModeEnabled\": true, \"state\": \"MIXED\", \"originalVersion\": \"7.9.0\","
    " \"nodes\": ["
    "  {\"id\": \"c1f0\", \"name\": \"bb1\", \"ipAddress\": \"10.0.0.11\", \"portNumber\": 5701,"
    "   \"state\": \"ACTIVE\", \"tasksTotal\": 3, \"activeUserCount\": 17,"
    "   \"buildNumber\": \"7009004\", \"version\": \"7.9.4\", \"local\": true, \"links\": []},"
    "  {\"id\": \"c1f1\", \"name\": \"bb2\", \"ipAddress\": \"10.0.0.12\", \"portNumber\": 5701,"
    "   \"state\": \"OFFLINE\", \"buildNumber\": \"7009000\", \"version\": \"7.9.0\","
    "   \"local\": false}],"
    " \"links\": [{\"rel\": \"self\", \"href\": \"http://10.0.0.11:7990/rest/zdu/cluster\"}]}";

static struct cluster_view view_of(const char *json)
{
    struct cluster_view view;
    struct error err = {0};
    if (!bitbucket_parse_view(json, strlen(json), &view, &err))
        fail_msg("%s", err.message);
    return view;
}

/* The copy has no NUL and ends where the answer ends: reading on would be seen by the sanitizer. */
static void refuse_view(const char *json, const char *complaint)
{
    struct cluster_view view;
    struct error err = {0};
    size_t size = strlen(json);
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, json, size);
    memset(&view, 0x5A, sizeof(view));
    assert_false(bitbucket_parse_view(copy, size, &view, &err));
    assert_int_equal(err.code, ERROR_PROTOCOL);
    if (strstr(err.message, complaint) == NULL)
        fail_msg("'%s' is not in '%s'", complaint, err.message);
    assert_int_equal(view.node_count, 0x5A5A5A5A);
    free(copy);
}

static void view_of_one_node(const char *members, struct node_view *ret_node)
{
    char json[512];
    assert_true(snprintf(json, sizeof(json), "{\"upgradeModeEnabled\":false,\"nodes\":[{%s}]}",
                         members) < (int)sizeof(json));
    struct cluster_view view = view_of(json);
    assert_int_equal(view.node_count, 1);
    *ret_node = view.nodes[0];
}

static void documented_view_is_read(void **state)
{
    struct cluster_view view = view_of(documented);
    (void)state;
    assert_int_equal(view.state, CLUSTER_MIXED);
    assert_true(view.is_upgrade_mode);
    assert_string_equal(view.original_version, "7.9.0");
    assert_int_equal(view.node_count, 2);
    assert_string_equal(view.nodes[0].name, "bb1");
    assert_string_equal(view.nodes[0].id, "c1f0");
    assert_string_equal(view.nodes[0].address, "10.0.0.11");
    assert_int_equal(view.nodes[0].state, NODE_ACTIVE);
    assert_string_equal(view.nodes[0].version, "7.9.4");
    assert_int_equal(view.nodes[0].tasks, 3);
    assert_int_equal(view.nodes[0].users, 17);
    assert_true(view.nodes[0].is_local);
    assert_int_equal(view.nodes[1].state, NODE_OFFLINE);
    assert_false(view.nodes[1].is_local);
}

static void what_is_left_out_is_unknown(void **state)
{
    struct cluster_view view = view_of("{\"upgradeModeEnabled\":false,\"nodes\":[{}]}");
    (void)state;
    assert_int_equal(view.state, CLUSTER_UNKNOWN);
    assert_string_equal(view.original_version, "");
    assert_string_equal(view.nodes[0].name, "");
    assert_string_equal(view.nodes[0].id, "");
    assert_string_equal(view.nodes[0].version, "");
    assert_int_equal(view.nodes[0].state, NODE_UNKNOWN);
    assert_int_equal(view.nodes[0].tasks, -1);
    assert_int_equal(view.nodes[0].users, -1);
    assert_false(view.nodes[0].is_local);
}

static void null_is_unknown(void **state)
{
    struct node_view node;
    (void)state;
    view_of_one_node("\"id\":null,\"name\":null,\"ipAddress\":null,\"state\":null,"
                     "\"version\":null,\"tasksTotal\":null,\"local\":null",
                     &node);
    assert_string_equal(node.name, "");
    assert_int_equal(node.state, NODE_UNKNOWN);
    assert_int_equal(node.tasks, -1);
}

static void unknown_words_are_unknown_states(void **state)
{
    struct cluster_view view = view_of("{\"upgradeModeEnabled\":true,\"state\":\"THAWING\","
                                       "\"nodes\":[{\"state\":\"HIBERNATING\"}]}");
    (void)state;
    assert_int_equal(view.state, CLUSTER_UNKNOWN);
    assert_int_equal(view.nodes[0].state, NODE_UNKNOWN);
}

static void id_may_be_a_number(void **state)
{
    struct node_view node;
    (void)state;
    view_of_one_node("\"id\":9007199254740993", &node);
    assert_string_equal(node.id, "9007199254740993");
}

static void negative_count_is_unknown(void **state)
{
    struct node_view node;
    (void)state;
    view_of_one_node("\"tasksTotal\":-7,\"activeUserCount\":0", &node);
    assert_int_equal(node.tasks, -1);
    assert_int_equal(node.users, 0);
}

static void view_without_the_upgrade_mode_is_refused(void **state)
{
    (void)state;
    refuse_view("{\"state\":\"STABLE\",\"nodes\":[]}", "upgradeModeEnabled");
    refuse_view("{}", "upgradeModeEnabled");
}

static void view_without_a_list_of_nodes_is_refused(void **state)
{
    (void)state;
    refuse_view("{\"upgradeModeEnabled\":false}", "nodes: missing");
    refuse_view("{\"upgradeModeEnabled\":false,\"nodes\":{}}", "nodes: not a list");
    refuse_view("{\"upgradeModeEnabled\":false,\"nodes\":[7]}", "nodes[0]: not an object");
}

static void wrong_type_is_refused_by_name(void **state)
{
    (void)state;
    refuse_view("{\"upgradeModeEnabled\":\"yes\",\"nodes\":[]}", "upgradeModeEnabled");
    refuse_view("{\"upgradeModeEnabled\":false,\"nodes\":[{},{\"name\":\"bb2\",\"version\":7}]}",
                "nodes[1]: node 'bb2'");
    refuse_view("{\"upgradeModeEnabled\":false,\"nodes\":[{\"id\":[]}]}", "id");
    refuse_view("{\"upgradeModeEnabled\":false,\"nodes\":[{\"tasksTotal\":\"3\"}]}", "tasksTotal");
}

static void name_that_is_too_long_is_refused_by_place(void **state)
{
    char json[512];
    (void)state;
    (void)snprintf(json, sizeof(json),
                   "{\"upgradeModeEnabled\":false,\"nodes\":[{},{\"name\":\"%0*d\"}]}", LIMIT_NAME,
                   0);
    refuse_view(json, "nodes[1]");
}

static void list_that_is_too_long_is_refused(void **state)
{
    char json[1024] = "{\"upgradeModeEnabled\":false,\"nodes\":[{}";
    (void)state;
    for (int i = 0; i < CLUSTER_VIEW_NODES; i++)
        strcat(json, ",{}");
    strcat(json, "]}");
    refuse_view(json, "65 entries");
}

static void answers_that_are_no_json_object_are_refused(void **state)
{
    (void)state;
    refuse_view("", "");
    refuse_view("[]", "");
    refuse_view("null", "");
    refuse_view("<html><title>Log in</title></html>", "");
    refuse_view("{\"upgradeModeEnabled\":false,\"nodes\":[]", "");
    refuse_view("{\"upgradeModeEnabled\":false,\"nodes\":[]} {}", "");
    refuse_view("{\"upgradeModeEnabled\":false,\"nodes\":[{\"name\":\"bb1\\u0000x\"}]}", "");
    refuse_view("{\"upgradeModeEnabled\":false,\"nodes\":[{\"name\":\"\xff\xfe\"}]}", "");
}

static void every_beginning_of_an_answer_is_refused(void **state)
{
    struct cluster_view view;
    (void)state;
    for (size_t size = 0; size < sizeof(documented) - 1; size++) {
        struct error err = {0};
        assert_false(bitbucket_parse_view(documented, size, &view, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
    }
}

static void members_are_read(void **state)
{
    static const char json[] =
        "{\"localNode\":{\"id\":\"a\",\"name\":\"bb2\",\"address\":{\"hostName\":\"h\",\"port\":"
        "5701},"
        "\"local\":true,\"buildVersion\":\"7.9.4\"},"
        "\"nodes\":[{\"id\":\"b\",\"name\":\"bb1\"},{\"id\":\"a\",\"name\":\"bb2\"},{}],"
        "\"running\":true}";
    struct member_list members;
    struct error err = {0};
    (void)state;
    assert_true(bitbucket_parse_members(json, strlen(json), &members, &err));
    assert_string_equal(members.local_name, "bb2");
    assert_int_equal(members.count, 3);
    assert_string_equal(members.names[0], "bb1");
    assert_string_equal(members.names[1], "bb2");
    assert_string_equal(members.names[2], "");
}

static void refuse_members(const char *json, const char *complaint)
{
    struct member_list members = {.count = 77};
    struct error err = {0};
    assert_false(bitbucket_parse_members(json, strlen(json), &members, &err));
    assert_int_equal(err.code, ERROR_PROTOCOL);
    assert_non_null(strstr(err.message, complaint));
    assert_int_equal(members.count, 77);
}

static void members_of_another_shape_are_refused(void **state)
{
    (void)state;
    refuse_members("{\"nodes\":[]}", "localNode: missing");
    refuse_members("{\"localNode\":\"bb1\",\"nodes\":[]}", "localNode: not an object");
    refuse_members("{\"localNode\":{\"name\":7},\"nodes\":[]}", "localNode");
    refuse_members("{\"localNode\":{}}", "nodes: missing");
    refuse_members("{\"localNode\":{},\"nodes\":[null]}", "nodes[0]");
    refuse_members("{\"localNode\":{},\"nodes\":[{},{\"name\":[]}]}", "nodes[1]");
}

static void version_is_read(void **state)
{
    static const char json[] = "{\"version\":\"7.9.4\",\"buildNumber\":\"7009004\","
                               "\"displayName\":\"Bitbucket\"}";
    char version[LIMIT_VERSION];
    struct error err = {0};
    (void)state;
    assert_true(bitbucket_parse_version(json, strlen(json), version, &err));
    assert_string_equal(version, "7.9.4");
}

static void missing_or_long_version_is_refused(void **state)
{
    static const char too_long[] = "{\"version\":\"7.9.4-00000000000000000000000000000000\"}";
    char version[LIMIT_VERSION] = "untouched";
    struct error err = {0};
    (void)state;
    assert_false(bitbucket_parse_version("{}", 2, version, &err));
    assert_int_equal(err.code, ERROR_PROTOCOL);
    assert_false(bitbucket_parse_version(too_long, strlen(too_long), version, &err));
    assert_int_equal(err.code, ERROR_PROTOCOL);
    assert_string_equal(version, "untouched");
}

static void assert_complaint(const char *json, const char *expected)
{
    char complaint[BITBUCKET_COMPLAINT_SIZE] = "left over";
    bitbucket_parse_complaint(json, strlen(json), complaint);
    assert_string_equal(complaint, expected);
}

static void complaint_is_the_first_message(void **state)
{
    (void)state;
    assert_complaint("{\"errors\":[{\"context\":null,\"message\":\"Not permitted.\"},"
                     "{\"message\":\"Second\"}]}",
                     "Not permitted.");
}

static void answer_without_complaint_gives_an_empty_one(void **state)
{
    (void)state;
    assert_complaint("", "");
    assert_complaint("<html>", "");
    assert_complaint("{}", "");
    assert_complaint("{\"errors\":{}}", "");
    assert_complaint("{\"errors\":[]}", "");
    assert_complaint("{\"errors\":[\"text\"]}", "");
    assert_complaint("{\"errors\":[{\"message\":7}]}", "");
}

static void long_complaint_is_cut_between_characters(void **state)
{
    char json[1024] = "{\"errors\":[{\"message\":\"x";
    char complaint[BITBUCKET_COMPLAINT_SIZE];
    (void)state;
    for (int i = 0; i < 200; i++)
        strcat(json, "\xc3\xa9");
    strcat(json, "\"}]}");
    bitbucket_parse_complaint(json, strlen(json), complaint);
    assert_int_equal(strlen(complaint), BITBUCKET_COMPLAINT_SIZE - 1);
    assert_memory_equal(complaint + BITBUCKET_COMPLAINT_SIZE - 3, "\xc3\xa9", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_view_is_read),
        cmocka_unit_test(what_is_left_out_is_unknown),
        cmocka_unit_test(null_is_unknown),
        cmocka_unit_test(unknown_words_are_unknown_states),
        cmocka_unit_test(id_may_be_a_number),
        cmocka_unit_test(negative_count_is_unknown),
        cmocka_unit_test(view_without_the_upgrade_mode_is_refused),
        cmocka_unit_test(view_without_a_list_of_nodes_is_refused),
        cmocka_unit_test(wrong_type_is_refused_by_name),
        cmocka_unit_test(name_that_is_too_long_is_refused_by_place),
        cmocka_unit_test(list_that_is_too_long_is_refused),
        cmocka_unit_test(answers_that_are_no_json_object_are_refused),
        cmocka_unit_test(every_beginning_of_an_answer_is_refused),
        cmocka_unit_test(members_are_read),
        cmocka_unit_test(members_of_another_shape_are_refused),
        cmocka_unit_test(version_is_read),
        cmocka_unit_test(missing_or_long_version_is_refused),
        cmocka_unit_test(complaint_is_the_first_message),
        cmocka_unit_test(answer_without_complaint_gives_an_empty_one),
        cmocka_unit_test(long_complaint_is_cut_between_characters),
    };
    return cmocka_run_group_tests_name("controller/bitbucket_read", tests, NULL, NULL);
}
