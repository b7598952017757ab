/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_lexer.h"

#include "common/unit_test.h"

/* The words of the first directive, joined by '|', and its end; or the complaint. */
static const char *first_item(const char *text)
{
    static char answer[512];
    struct nginx_lexer lexer;
    struct nginx_item item;
    struct error err = {0};
    size_t length = 0;

    if (!nginx_lexer_open(&lexer, text, strlen(text), &err) ||
        !nginx_lexer_next(&lexer, &item, &err)) {
        assert_int_equal(err.code, ERROR_INVALID);
        return strcpy(answer, err.message);
    }
    answer[0] = '\0';
    for (size_t i = 0; i < item.word_count; i++) {
        char word[128];
        assert_true(nginx_word_text(&lexer, &item.words[i], word, sizeof(word)));
        length += (size_t)snprintf(answer + length, sizeof(answer) - length, "%s|", word);
    }
    snprintf(answer + length, sizeof(answer) - length, "%c", ";{}#."[item.kind]);
    return answer;
}

static void words_are_what_nginx_takes_them_for(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"server 10.0.0.1:80 weight=5;", "server|10.0.0.1:80|weight=5|;"},
        {"server\t10.0.0.1:80\r\n  weight=5\n;", "server|10.0.0.1:80|weight=5|;"},
        {"server a # ; server b;\n weight=5;", "server|a|weight=5|;"},
        {"server \"a b;{}#\";", "server|a b;{}#|;"},
        {"server 'a\"b';", "server|a\"b|;"},
        {"server \"a\\\"b\\\\\";", "server|a\"b\\|;"},
        {"log 'a\\tb\\nc\\rd\\e';", "log|a\tb\nc\rd\\e|;"},
        {"server a\\;b;", "server|a\\;b|;"},
        {"server a\"b;", "server|a\"b|;"},
        {"server a#b;", "server|a#b|;"},
        {"set $x ${a}{;", "set|$x|${a}|{"},
        {"set ${a;b};", "set|${a|;"},
        {"if ($a = \"b\") {", "if|($a|=|b|)|{"},
        {"upstream x{server a;}", "upstream|x|{"},
        {"a \"\";", "a||;"},
        {"}", "}"},
        {"# only a comment", "#"},
        {" \n\t", "."},
        {"", "."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(first_item(rows[i].text), rows[i].words);
}

static void what_nginx_refuses_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        const char *complaint;
    } rows[] = {
        {"\xEF\xBB\xBFuser x;", "line 1: begins with a byte-order mark"},
        {"\n;", "line 2: ';' or '{' without a directive before it"},
        {"{", "line 1: ';' or '{' without a directive before it"},
        {"server a }", "line 1: '}' in the middle of a directive"},
        {"\n\nserver a", "line 3: a directive that begins here has no end"},
        {"server a # ;", "line 1: a directive that begins here has no end"},
        {"server a\\", "line 1: a directive that begins here has no end"},
        {"server \n\"a;", "line 2: a quote that is opened here is not closed"},
        {"server \"a\\\"", "line 1: a quote that is opened here is not closed"},
        {"server \"a\"b;", "line 1: no space behind a closing quote"},
        {"server \"a\"#b\n;", "line 1: no space behind a closing quote"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(first_item(rows[i].text), rows[i].complaint);
}

static void words_beyond_the_limit_are_counted_and_not_kept(void **state)
{
    char text[256] = "types";
    struct nginx_lexer lexer;
    struct nginx_item item;

    (void)state;
    for (int i = 0; i < 99; i++)
        strcat(text, " a");
    strcat(text, ";");
    assert_good(nginx_lexer_open(&lexer, text, strlen(text), &err));
    assert_good(nginx_lexer_next(&lexer, &item, &err));
    assert_int_equal(item.word_count, 100);
}

static void a_word_that_does_not_fit_is_told(void **state)
{
    struct nginx_lexer lexer = {.bytes = "ab\0c", .size = 4};
    struct nginx_word word = {0, 2};
    struct nginx_word with_nul = {0, 4};
    char array[3];

    (void)state;
    assert_true(nginx_word_text(&lexer, &word, array, 3));
    assert_false(nginx_word_text(&lexer, &word, array, 2));
    assert_false(nginx_word_text(&lexer, &with_nul, array, 3));
}

static void lua_ends_at_its_own_brace(void **state)
{
    static const char *const blocks[] = {
        "}",
        " if a then b = {} end }",
        " local s = \"}\" .. '}\\'}' }",
        " -- don't }\n }",
        " --[[ } ' \n } ]] }",
        " --[==[ } ]] ]==] }",
        " local s = [[ } ]] local t = a[b[1]] }",
        " a = b - -c }",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        char text[128];
        struct nginx_lexer lexer = {.bytes = text};
        snprintf(text, sizeof(text), "%s rest;", blocks[i]);
        lexer.size = strlen(text);
        assert_good(nginx_lexer_skip_lua(&lexer, &err));
        assert_string_equal(text + lexer.at, " rest;");
    }
}

static void lua_without_an_end_is_refused(void **state)
{
    static const char *const blocks[] = {"", "{ }", "\"}", "-- }", "[[ }", "--[[ } ]", "'\\", "[="};

    (void)state;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct nginx_lexer lexer = {.bytes = blocks[i], .size = strlen(blocks[i])};
        assert_fails(nginx_lexer_skip_lua(&lexer, &err), ERROR_INVALID, "has no end");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_what_nginx_takes_them_for),
        cmocka_unit_test(what_nginx_refuses_is_refused_with_its_line),
        cmocka_unit_test(words_beyond_the_limit_are_counted_and_not_kept),
        cmocka_unit_test(a_word_that_does_not_fit_is_told),
        cmocka_unit_test(lua_ends_at_its_own_brace),
        cmocka_unit_test(lua_without_an_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
