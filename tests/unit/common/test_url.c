/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include "unit_test.h"

static void parts_are_found(void **state)
{
    static const struct {
        const char *text, *scheme, *host, *rest;
        int port;
    } rows[] = {
        {"http://bb1", "http", "bb1", "", 0},
        {"HTTPS://bb1.example.com:7990/rest?x=1", "https", "bb1.example.com", "/rest?x=1", 7990},
        {"http://[fe80::1]:80/", "http", "fe80::1", "/", 80},
        {"http://10.0.0.1?x", "http", "10.0.0.1", "?x", 0},
        {"http://h/p@q", "http", "h", "/p@q", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct url url;
        assert_good(url_parse(rows[i].text, &url, &err));
        assert_string_equal(url.scheme, rows[i].scheme);
        assert_string_equal(url.host, rows[i].host);
        assert_string_equal(url.rest, rows[i].rest);
        assert_int_equal(url.port, rows[i].port);
    }
}

static void wrong_urls_are_invalid(void **state)
{
    static const char *const texts[] = {
        "",
        "bb1",
        "://bb1",
        "http:/bb1",
        "http://",
        "http://:80",
        "http:///path",
        "ht-tp://bb1",
        "http://b b",
        "http://bb1\n/",
        "http://b\\",
        "http://bb1:0",
        "http://bb1:x",
        "http://bb1:",
        "http://[::1]x",
        "http://bb\xc3\xa4",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct url url;
        struct error err = {0};
        if (url_parse(texts[i], &url, &err) || err.code != ERROR_INVALID)
            fail_msg("'%s'", texts[i]);
    }
}

static void password_is_refused_and_not_shown(void **state)
{
    struct error err = {0};
    struct url url;
    (void)state;
    assert_false(url_parse("http://admin:secret@bb1/", &url, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_null(strstr(err.message, "secret"));
    assert_null(strstr(err.hint, "secret"));
}

static void loopback_is_known_by_name_and_address(void **state)
{
    static const struct {
        const char *text;
        bool is_loopback;
    } rows[] = {
        {"http://localhost", true},        {"http://LOCALHOST:80", true},
        {"http://127.0.0.1", true},        {"http://127.9.9.9", true},
        {"http://[::1]:80", true},         {"http://10.0.0.1", false},
        {"http://127.example.com", false}, {"http://localhost.example.com", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct url url;
        assert_good(url_parse(rows[i].text, &url, &err));
        if (url_is_loopback(&url) != rows[i].is_loopback)
            fail_msg("%s", rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_found),
        cmocka_unit_test(wrong_urls_are_invalid),
        cmocka_unit_test(password_is_refused_and_not_shown),
        cmocka_unit_test(loopback_is_known_by_name_and_address),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
