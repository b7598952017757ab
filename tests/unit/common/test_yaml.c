/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml.h"

#include "limit.h"
#include "unit_test.h"

static struct yaml_document document;

static void parse(const char *text)
{
    yaml_parse("f.yaml", text, strlen(text), &document);
}

static int done(void **state)
{
    (void)state;
    yaml_done(&document);
    return 0;
}

#define test_of_document(test) cmocka_unit_test_setup_teardown(test, NULL, done)

static const char *complaints(void)
{
    return buffer_text(&document.complaints);
}

static void tree_has_lists_maps_and_places(void **state)
{
    (void)state;
    parse("fleet: prod\n"
          "clusters:\n"
          "  - name: \"c1\"\n"
          "    nodes: [a, b]\n");
    assert_string_equal(complaints(), "");
    const struct yaml_node *clusters = yaml_find(document.root, "clusters");
    assert_int_equal(yaml_kind(clusters), YAML_LIST);
    assert_int_equal(yaml_count(clusters), 1);
    const struct yaml_node *cluster = yaml_item(clusters, 0);
    assert_int_equal(yaml_kind(cluster), YAML_MAP);
    assert_int_equal(yaml_line(cluster), 3);
    assert_string_equal(yaml_key(cluster, 1), "nodes");
    const struct yaml_node *name = yaml_find(cluster, "name");
    assert_string_equal(yaml_text(name), "c1");
    assert_false(yaml_is_plain(name));
    const struct yaml_node *nodes = yaml_find(cluster, "nodes");
    assert_int_equal(yaml_line(nodes), 4);
    assert_string_equal(yaml_text(yaml_item(nodes, 1)), "b");
    assert_true(yaml_is_plain(yaml_item(nodes, 1)));
}

static void null_is_absent(void **state)
{
    (void)state;
    parse("a:\nb: ~\nc: null\nd: \"\"\ne: 'null'\n");
    assert_null(yaml_find(document.root, "a"));
    assert_null(yaml_find(document.root, "b"));
    assert_null(yaml_find(document.root, "c"));
    assert_non_null(yaml_find(document.root, "d"));
    assert_non_null(yaml_find(document.root, "e"));
    assert_null(yaml_find(document.root, "f"));
}

/* Input that is refused as a whole, or with a complaint; each with the place. */
static const struct {
    const char *name, *text, *complaint;
    size_t size; /* 0 = strlen(text) */
    bool has_root;
} hostile_inputs[] = {
    {.name = "empty", .text = "", .complaint = "f.yaml: a map"},
    {.name = "comment only", .text = "# nothing\n", .complaint = "f.yaml: a map"},
    {.name = "scalar", .text = "hello", .complaint = "f.yaml:1:1: a map"},
    {.name = "list", .text = "- a\n- b\n", .complaint = "f.yaml:1:1: a map"},
    {.name = "aliases bomb",
     .text = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
     .complaint = "f.yaml:1:4: a: anchors ('&a') are not supported\n"
                  "f.yaml:2:4: b: anchors ('&b') are not supported\n"
                  "f.yaml:2:8: b: aliases ('*a') are not supported\n",
     .has_root = true},
    {.name = "merge key",
     .text = "a:\n  <<: *b\n",
     .complaint = "f.yaml:2:7: a.<<: aliases ('*b') are not supported",
     .has_root = true},
    {.name = "tag",
     .text = "a: !!binary aGk=\n",
     .complaint = "f.yaml:1:4: a: tags ('tag:yaml.org,2002:binary') are not supported",
     .has_root = true},
    {.name = "local tag",
     .text = "a: !exec [x]\n",
     .complaint = "f.yaml:1:4: a: tags ('!exec') are not supported",
     .has_root = true},
    {.name = "second document",
     .text = "a: 1\n---\nb: 2\n",
     .complaint = "f.yaml:2:1: a second document"},
    {.name = "duplicate key",
     .text = "a: 1\nm:\n  k: 1\n  k: 2\n",
     .complaint = "f.yaml:4:3: m.k: duplicate key; the first is in line 3",
     .has_root = true},
    {.name = "17 levels",
     .text = "a: [[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]\n",
     .complaint = "more than 16 levels"},
    {.name = "unclosed levels",
     .text = "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
     .complaint = "f.yaml:1:19: a[0]"},
    {.name = "tab",
     .text = "a:\n\tb: 1\n",
     .complaint = "f.yaml:2:1: found character that cannot start any token"},
    {.name = "bad indent", .text = "a: 1\n  b: 2\n", .complaint = "f.yaml:2:4: mapping values"},
    {.name = "unclosed quote", .text = "a: \"b\n", .complaint = "f.yaml:2:1: found unexpected end"},
    {.name = "unclosed list", .text = "a: [b\n", .complaint = "f.yaml:2:1: did not find expected"},
    {.name = "bad UTF-8",
     .text = "a: 1\nb: x\xff\n",
     .complaint = "f.yaml:2:5: invalid leading UTF-8 octet"},
    {.name = "cut UTF-8", .text = "a: \xc3", .complaint = "f.yaml:1:4: incomplete UTF-8"},
    {.name = "NUL byte",
     .text = "a: b\0c\n",
     .size = 7,
     .complaint = "f.yaml:1:5: control characters are not allowed"},
    {.name = "NUL escape",
     .text = "a: \"b\\0c\"\n",
     .complaint = "f.yaml:1:4: a: a NUL character in text",
     .has_root = true},
    {.name = "list as a key",
     .text = "? [a]\n: b\n",
     .complaint = "f.yaml:1:3: a key must be text"},
    {.name = "map as a key", .text = "{a: 1}: b\n", .complaint = "f.yaml:1:1: a key must be text"},
    {.name = "long key",
     .text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 1\n",
     .complaint = "f.yaml:1:1: a key of more than 128 bytes"},
    {.name = "UTF-16",
     .text = "\xff\xfe"
             "a\0:\0",
     .size = 6,
     .complaint = "f.yaml:1:1: invalid leading UTF-8 octet"},
};

static void hostile_inputs_are_complained_of_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(hostile_inputs) / sizeof(hostile_inputs[0]); i++) {
        const char *text = hostile_inputs[i].text;
        size_t size = hostile_inputs[i].size > 0 ? hostile_inputs[i].size : strlen(text);
        yaml_parse("f.yaml", text, size, &document);
        if (!strstr(complaints(), hostile_inputs[i].complaint) || document.complaint_count == 0 ||
            (document.root != NULL) != hostile_inputs[i].has_root)
            fail_msg("%s: %s", hostile_inputs[i].name, complaints());
        yaml_done(&document);
    }
}

static void sixteen_levels_are_fine(void **state)
{
    (void)state;
    parse("a: [[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]\n");
    assert_string_equal(complaints(), "");
}

static void too_many_keys_are_refused(void **state)
{
    BUFFER_CLEANUP struct buffer text;
    (void)state;
    buffer_init(&text, 1 << 20);
    for (int i = 0; i < 2000; i++)
        buffer_format(&text, "key%d: 1\n", i);
    parse(buffer_text(&text));
    assert_non_null(strstr(complaints(), "more than 1024 keys"));
    assert_null(document.root);
}

static void too_large_a_file_is_complained_of(void **state)
{
    char *text = malloc(LIMIT_CONFIG_BYTES + 1);
    (void)state;
    memset(text, '#', LIMIT_CONFIG_BYTES + 1);
    yaml_parse("f.yaml", text, LIMIT_CONFIG_BYTES + 1, &document);
    assert_non_null(strstr(complaints(), "f.yaml: larger than"));
    yaml_done(&document);
    assert_good(file_replace(scratch_path("large.yaml"), text, LIMIT_CONFIG_BYTES + 1, 0600, &err));
    assert_good(yaml_open(scratch_path("large.yaml"), &document, &err));
    assert_non_null(strstr(complaints(), "large.yaml: larger than"));
    yaml_done(&document);
    free(text);
}

static void file_is_read_and_named(void **state)
{
    (void)state;
    assert_good(file_replace(scratch_path("c.yaml"), "a: [\n", 5, 0600, &err));
    assert_good(yaml_open(scratch_path("c.yaml"), &document, &err));
    assert_non_null(strstr(complaints(), scratch_path("c.yaml:2:1: ")));
    yaml_done(&document);
    assert_fails(yaml_open(scratch_path("absent.yaml"), &document, &err), ERROR_NOT_FOUND,
                 "absent.yaml");
}

static void many_complaints_are_counted_and_bounded(void **state)
{
    (void)state;
    parse("a: 1\n");
    for (int i = 0; i < 100000; i++)
        yaml_complain(&document, document.root, "number %d", i);
    assert_int_equal(document.complaint_count, 100000);
    assert_true(document.complaints.length <= 262144);
}

static void complaints_do_not_steer_the_terminal(void **state)
{
    int64_t value;
    (void)state;
    parse("a: \"\\e[2J\"\n");
    assert_false(yaml_get_integer(&document, document.root, "a", true, 0, 1, &value));
    assert_non_null(strstr(complaints(), "f.yaml:1:4: a: found \"?[2J\", expected"));
}

static void unknown_keys_are_told_with_the_nearest_known_one(void **state)
{
    (void)state;
    parse("clusters:\n"
          "  - policy:\n"
          "      soka: 5m\n"
          "      colour: red\n"
          "      drain: 1m\n");
    const struct yaml_node *policy =
        yaml_get_map(&document, yaml_item(yaml_find(document.root, "clusters"), 0), "policy", true);
    assert_null(yaml_find(policy, "soak"));
    assert_non_null(yaml_find(policy, "drain"));
    yaml_complain_unknown(&document, policy);
    assert_string_equal(complaints(),
                        "f.yaml:3:7: clusters[0].policy.soka: unknown key; did you mean 'soak'?\n"
                        "f.yaml:4:7: clusters[0].policy.colour: unknown key\n");
}

static void missing_key_is_told_at_its_map(void **state)
{
    char text[16] = "default";
    int64_t number = 7;
    (void)state;
    parse("a:\n  b:\n    c: 1\n");
    const struct yaml_node *b =
        yaml_get_map(&document, yaml_get_map(&document, document.root, "a", true), "b", true);
    assert_false(yaml_get_name(&document, b, "name", true, text, sizeof(text)));
    assert_false(yaml_get_integer(&document, b, "port", false, 1, 2, &number));
    assert_string_equal(text, "default");
    assert_int_equal(number, 7);
    assert_int_equal(document.complaint_count, 1);
    assert_non_null(strstr(complaints(), "f.yaml:3:5: a.b.name: missing, expected a name"));
}

static void absent_map_gives_one_complaint(void **state)
{
    char text[16];
    int64_t number;
    bool flag;
    (void)state;
    parse("a: 1\n");
    const struct yaml_node *none = yaml_get_map(&document, document.root, "policy", true);
    assert_null(none);
    assert_false(yaml_get_text(&document, none, "text", true, text, sizeof(text)));
    assert_false(yaml_get_integer(&document, none, "number", true, 0, 1, &number));
    assert_false(yaml_get_bool(&document, none, "flag", true, &flag));
    assert_null(yaml_get_list(&document, none, "list", true));
    yaml_complain_unknown(&document, none);
    assert_int_equal(document.complaint_count, 1);
}

/* Each row: a value, the getter that reads it, and what *value or the array is then; or NULL, and
 * what the complaint holds. */
static const char *const colours[] = {"red", "green", NULL};

static bool read_as(const char *type, char *text, size_t size)
{
    const struct yaml_node *root = document.root;
    int64_t number = 0;
    bool flag = false;
    int word = 0;
    if (strcmp(type, "text") == 0)
        return yaml_get_text(&document, root, "k", true, text, size);
    if (strcmp(type, "name") == 0)
        return yaml_get_name(&document, root, "k", true, text, size);
    if (strcmp(type, "path") == 0)
        return yaml_get_path(&document, root, "k", true, text, size);
    if (strcmp(type, "url") == 0)
        return yaml_get_url(&document, root, "k", true, text, size);
    bool is_good = false;
    if (strcmp(type, "integer") == 0)
        is_good = yaml_get_integer(&document, root, "k", true, -5, 100, &number);
    else if (strcmp(type, "duration") == 0)
        is_good = yaml_get_duration_ms(&document, root, "k", true, 500, 7200000, &number);
    else if (strcmp(type, "bool") == 0)
        is_good = yaml_get_bool(&document, root, "k", true, &flag);
    else if (strcmp(type, "word") == 0)
        is_good = yaml_get_word(&document, root, "k", true, colours, &word);
    (void)snprintf(text, size, "%d", (int)number + (int)flag + word);
    return is_good;
}

static const struct {
    const char *type, *value, *result, *complaint;
} getter_rows[] = {
    {"text", "two words", "two words", NULL},
    {"text", "9.4", "9.4", NULL},
    {"text", "\"\"", "", NULL},
    {"text", "0123456789012345678901234567890", "0123456789012345678901234567890", NULL},
    {"text", "01234567890123456789012345678901", NULL, "of at most 31 bytes"},
    {"text", "\"a\\nb\"", NULL, "found \"a?b\", expected one line"},
    {"text", "[a]", NULL, "found a list, expected one line"},
    {"text", "{a: b}", NULL, "found a map, expected one line"},
    {"name", "bb-1.example_x", "bb-1.example_x", NULL},
    {"name", "-x", NULL, "found '-x', expected a name"},
    {"name", "a b", NULL, "expected a name"},
    {"name", "a234567890123456789012345678901234", NULL, "expected a name"},
    {"path", "/opt/bitbucket", "/opt/bitbucket", NULL},
    {"path", "opt", NULL, "found 'opt', expected an absolute path"},
    {"path", "\"/a\\tb\"", NULL, "expected an absolute path"},
    {"url", "http://bb1:7990/", "http://bb1:7990", NULL},
    {"url", "https://bb1/x?y=/", "https://bb1/x?y=/", NULL},
    {"url", "bb1:7990", NULL, "expected http(s)://HOST"},
    {"url", "ftp://bb1", NULL, "expected http(s)://HOST"},
    {"url", "http://bb1/#x", NULL, "expected http(s)://HOST"},
    {"url", "http://me:secret@bb1", NULL, "f.yaml:1:4: k: expected http(s)://HOST"},
    {"integer", "0", "0", NULL},
    {"integer", "-5", "-5", NULL},
    {"integer", "100", "100", NULL},
    {"integer", "101", NULL, "found '101', expected a whole number from -5 to 100"},
    {"integer", "-6", NULL, "expected a whole number"},
    {"integer", "010", NULL, "expected a whole number"},
    {"integer", "0x10", NULL, "expected a whole number"},
    {"integer", "1.0", NULL, "expected a whole number"},
    {"integer", "+1", NULL, "expected a whole number"},
    {"integer", "\"7\"", NULL, "found \"7\", expected a whole number"},
    {"integer", "99999999999999999999", NULL, "expected a whole number"},
    {"integer", "many", NULL, "expected a whole number"},
    {"duration", "500ms", "500", NULL},
    {"duration", "30s", "30000", NULL},
    {"duration", "2h", "7200000", NULL},
    {"duration", "90m", "5400000", NULL},
    {"duration", "10", NULL, "found '10', expected a duration from 500ms to 2h with its unit"},
    {"duration", "s", NULL, "expected a duration"},
    {"duration", "1d", NULL, "expected a duration"},
    {"duration", "1m30s", NULL, "expected a duration"},
    {"duration", "-1s", NULL, "expected a duration"},
    {"duration", "499ms", NULL, "expected a duration"},
    {"duration", "3h", NULL, "expected a duration"},
    {"duration", "9223372036854775807h", NULL, "expected a duration"},
    {"bool", "true", "1", NULL},
    {"bool", "false", "0", NULL},
    {"bool", "yes", NULL, "found 'yes', expected true or false"},
    {"bool", "True", NULL, "expected true or false"},
    {"bool", "'true'", NULL, "expected true or false"},
    {"word", "green", "1", NULL},
    {"word", "blue", NULL, "found 'blue', expected one of red, green"},
};

static void getters_take_good_values_and_tell_what_is_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(getter_rows) / sizeof(getter_rows[0]); i++) {
        char text[128], result[32] = "";
        (void)snprintf(text, sizeof(text), "k: %s\n", getter_rows[i].value);
        parse(text);
        bool is_good = read_as(getter_rows[i].type, result, sizeof(result));
        bool is_right = getter_rows[i].result
                            ? is_good && strcmp(result, getter_rows[i].result) == 0
                            : !is_good && strstr(complaints(), getter_rows[i].complaint) &&
                                  strstr(complaints(), "f.yaml:1:4: k: ");
        if (!is_right || strstr(complaints(), "secret"))
            fail_msg("%s %s: '%s' %s", getter_rows[i].type, getter_rows[i].value, result,
                     complaints());
        yaml_done(&document);
    }
}

static void wrong_value_leaves_the_default(void **state)
{
    char text[8] = "default";
    int64_t number = 7;
    bool flag = true;
    int word = 3;
    (void)state;
    parse("t: much too long\nn: x\nf: x\nw: x\nd: x\n");
    assert_false(yaml_get_text(&document, document.root, "t", false, text, sizeof(text)));
    assert_false(yaml_get_integer(&document, document.root, "n", false, 0, 9, &number));
    assert_false(yaml_get_duration_ms(&document, document.root, "d", false, 0, 9, &number));
    assert_false(yaml_get_bool(&document, document.root, "f", false, &flag));
    assert_false(yaml_get_word(&document, document.root, "w", false, colours, &word));
    assert_string_equal(text, "default");
    assert_int_equal(number, 7);
    assert_true(flag);
    assert_int_equal(word, 3);
    assert_int_equal(document.complaint_count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_of_document(tree_has_lists_maps_and_places),
        test_of_document(null_is_absent),
        cmocka_unit_test(hostile_inputs_are_complained_of_with_their_place),
        test_of_document(sixteen_levels_are_fine),
        test_of_document(too_many_keys_are_refused),
        test_in_scratch(too_large_a_file_is_complained_of),
        test_in_scratch(file_is_read_and_named),
        test_of_document(many_complaints_are_counted_and_bounded),
        test_of_document(complaints_do_not_steer_the_terminal),
        test_of_document(unknown_keys_are_told_with_the_nearest_known_one),
        test_of_document(missing_key_is_told_at_its_map),
        test_of_document(absent_map_gives_one_complaint),
        cmocka_unit_test(getters_take_good_values_and_tell_what_is_allowed),
        test_of_document(wrong_value_leaves_the_default),
    };
    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
