/* SPDX-License-Identifier: Apache-2.0 */
#include "credentials_config.h"

#include "config_values.h"
#include "text.h"

#include <string.h>

/* Exactly one place of the secret, and a user with a password only. */
static void check_credentials(struct yaml_document *document, const struct yaml_node *map,
                              int places, bool has_password, bool has_user)
{
    if (places != 1)
        yaml_complain(document, map,
                      "needs one of password_file, password_env, token_file and token_env, and has "
                      "%d of them",
                      places);
    else if (has_password && !has_user)
        yaml_complain(document, map, "a password needs its user");
    else if (!has_password && has_user)
        yaml_complain(document, yaml_find(map, "user"), "a token has no user: it names one itself");
}

/* True, with a complaint, if a secret itself stands there. */
static bool has_inline_secret(struct yaml_document *document, const struct yaml_node *map)
{
    bool has_password = config_refuse_secret(document, map, "password",
                                             "name a file of mode 0600 in password_file, or an "
                                             "environment variable in password_env");
    bool has_token = config_refuse_secret(document, map, "token",
                                          "name a file of mode 0600 in token_file, or an "
                                          "environment variable in token_env");
    return has_password || has_token;
}

/* A password is often written behind its user, so a wrong value is not shown here either. RFC 7617:
 * a user name has no colon. */
static bool read_user(struct yaml_document *document, const struct yaml_node *map,
                      struct credentials *credentials)
{
    const struct yaml_node *place = yaml_find(map, "user");
    const char *text = place != NULL && yaml_kind(place) == YAML_SCALAR ? yaml_text(place) : "";
    bool is_good = text[0] != '\0' && strchr(text, ':') == NULL &&
                   text_copy(credentials->user, sizeof(credentials->user), text);
    if (place != NULL && !is_good)
        yaml_complain(document, place, "must be the name of a user, of less than %zu bytes",
                      sizeof(credentials->user));
    return place != NULL;
}

void config_read_credentials(struct yaml_document *document, const struct yaml_node *outer,
                             bool required, struct credentials *credentials)
{
    const struct yaml_node *map = yaml_find(outer, "credentials");
    if (map == NULL && !required)
        return;
    if (map == NULL || yaml_kind(map) != YAML_MAP) {
        yaml_complain(document, map != NULL ? map : outer,
                      "credentials must be a map like {token_file: /etc/shunt/git.token}");
        return;
    }
    bool has_user = read_user(document, map, credentials);
    int passwords =
        config_get_secret_file(document, map, "password_file", credentials->password_file) +
        config_get_secret_variable(document, map, "password_env", credentials->password_env);
    int tokens = config_get_secret_file(document, map, "token_file", credentials->token_file) +
                 config_get_secret_variable(document, map, "token_env", credentials->token_env);
    if (!has_inline_secret(document, map))
        check_credentials(document, map, passwords + tokens, passwords > 0, has_user);
    yaml_complain_unknown(document, map);
}

void config_read_tls(struct yaml_document *document, const struct yaml_node *outer,
                     char ca_file[LIMIT_PATH])
{
    const struct yaml_node *map = yaml_get_map(document, outer, "tls", false);
    if (map == NULL)
        return;
    (void)yaml_get_path(document, map, "ca_file", true, ca_file, LIMIT_PATH);
    yaml_complain_unknown(document, map);
}
