/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_options.h"

#include "azure_member.h"
#include "lb_addresses.h"
#include "text.h"
#include "url.h"

#include <string.h>
#include <strings.h>

static const char *const identities[] = {"secret", "managed", "workload", NULL};

const struct lb_setting azure_settings[AZURE_SETTING_COUNT] = {
    [AZURE_TENANT] = {.key = "tenant", .kind = LB_SETTING_TEXT},
    [AZURE_IDENTITY] = {.key = "identity",
                        .kind = LB_SETTING_WORD,
                        .fallback = "secret",
                        .words = identities},
    [AZURE_CLIENT_ID] = {.key = "client_id", .kind = LB_SETTING_TEXT},
    [AZURE_ASSERTION_FILE] = {.key = "assertion_file", .kind = LB_SETTING_PATH},
    [AZURE_MANAGEMENT_URL] = {.key = "management_url",
                              .kind = LB_SETTING_URL,
                              .fallback = "https://management.azure.com"},
    [AZURE_LOGIN_URL] = {.key = "login_url",
                         .kind = LB_SETTING_URL,
                         .fallback = "https://login.microsoftonline.com"},
    [AZURE_IMDS_URL] = {.key = "imds_url",
                        .kind = LB_SETTING_URL,
                        .fallback = "http://169.254.169.254"},
};

void azure_setting(const struct lb_options *options, enum azure_setting setting,
                   char ret_value[LIMIT_PATH])
{
    const char *value = options->values[setting];
    if (value == NULL)
        value = azure_settings[setting].fallback;
    if (value == NULL || !text_copy(ret_value, LIMIT_PATH, value))
        ret_value[0] = '\0';
    size_t length = strlen(ret_value);
    if (azure_settings[setting].kind == LB_SETTING_URL && length > 0 &&
        ret_value[length - 1] == '/')
        ret_value[length - 1] = '\0';
}

bool azure_identity_is(const struct lb_options *options, const char *word)
{
    char value[LIMIT_PATH];
    azure_setting(options, AZURE_IDENTITY, value);
    return text_equal(value, word);
}

/* Ids are UUIDs; a tenant may be told by its domain as well. Each becomes a part of a URL. */
static bool is_id(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-.";
    return text[0] != '\0' && text[0] != '.' && text[strspn(text, allowed)] == '\0';
}

enum need { NEEDED, ALLOWED, REFUSED };

/* What each identity takes. */
static const struct {
    const char *identity;
    enum need tenant, client_id, assertion_file, credentials;
} identity_rules[] = {
    {"secret", NEEDED, REFUSED, REFUSED, NEEDED},
    {"managed", REFUSED, ALLOWED, REFUSED, REFUSED},
    {"workload", NEEDED, NEEDED, NEEDED, REFUSED},
};

static bool check_need(enum need need, bool is_given, const char *identity, const char *key,
                       struct error *err)
{
    if ((need == NEEDED && !is_given) || (need == REFUSED && is_given)) {
        error_set(err, ERROR_INVALID, "identity '%s' %s '%s'", identity,
                  is_given ? "takes no" : "needs", key);
        return false;
    }
    return true;
}

static bool check_setting(const struct lb_options *options, enum azure_setting setting,
                          enum need need, const char *identity, struct error *err)
{
    char value[LIMIT_PATH];
    azure_setting(options, setting, value);
    if (!check_need(need, value[0] != '\0', identity, azure_settings[setting].key, err))
        return false;
    if (value[0] == '\0' || setting == AZURE_ASSERTION_FILE || is_id(value))
        return true;
    error_set(err, ERROR_INVALID, "'%.100s' is no good '%s'", value, azure_settings[setting].key);
    return false;
}

static bool check_credentials(const struct lb_options *options, enum need need,
                              const char *identity, struct error *err)
{
    const struct credentials *credentials = &options->credentials;
    if (!check_need(need, credentials_are_given(credentials), identity, "credentials", err))
        return false;
    if (need != NEEDED || (credentials_have_password(credentials) && is_id(credentials->user)))
        return true;
    error_set(err, ERROR_INVALID, "credentials need the client id as 'user', and its secret");
    error_hint(err, "write credentials: {user: CLIENT-ID, password_file: /PATH}");
    return false;
}

static bool check_identity(const struct lb_options *options, struct error *err)
{
    char word[LIMIT_PATH];
    azure_setting(options, AZURE_IDENTITY, word);
    for (size_t i = 0; i < sizeof(identity_rules) / sizeof(identity_rules[0]); i++) {
        if (!text_equal(word, identity_rules[i].identity))
            continue;
        return check_setting(options, AZURE_TENANT, identity_rules[i].tenant, word, err) &&
               check_setting(options, AZURE_CLIENT_ID, identity_rules[i].client_id, word, err) &&
               check_setting(options, AZURE_ASSERTION_FILE, identity_rules[i].assertion_file, word,
                             err) &&
               check_credentials(options, identity_rules[i].credentials, word, err);
    }
    error_set(err, ERROR_INVALID, "'%.50s' is no identity", word);
    return false;
}

static bool check_url(const struct lb_options *options, enum azure_setting setting,
                      bool may_be_open, struct error *err)
{
    char text[LIMIT_PATH];
    struct url url;

    azure_setting(options, setting, text);
    if (!url_parse(text, &url, err)) {
        error_wrap(err, "%s", azure_settings[setting].key);
        return false;
    }
    bool is_open = text_equal(url.scheme, "http");
    if ((text_equal(url.scheme, "https") || (is_open && (may_be_open || url_is_loopback(&url)))) &&
        strpbrk(url.rest, "?#") == NULL)
        return true;
    error_set(err, ERROR_INVALID, "%s: '%.200s' is no https URL without a query",
              azure_settings[setting].key, text);
    return false;
}

static bool check_addresses(const struct lb_options *options, struct error *err)
{
    if (!lb_check_addresses(options, LB_ADDRESSES, err))
        return false;
    for (size_t i = 0; i < options->address_count; i++) {
        if (!azure_check_gateway_id(options->addresses[i], err))
            return false;
        for (size_t j = 0; j < i; j++) {
            if (strcasecmp(options->addresses[i], options->addresses[j]) != 0)
                continue;
            error_set(err, ERROR_INVALID, "'%.200s' is given twice", options->addresses[i]);
            return false;
        }
    }
    return true;
}

bool azure_check_options(const struct lb_options *options, struct error *err)
{
    return check_addresses(options, err) && check_identity(options, err) &&
           check_url(options, AZURE_MANAGEMENT_URL, false, err) &&
           check_url(options, AZURE_LOGIN_URL, false, err) &&
           check_url(options, AZURE_IMDS_URL, true, err);
}
