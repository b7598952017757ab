/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include "check.h"
#include "text.h"
#include "version.h"

#include <string.h>

enum manner { QUESTION, LOOK, EFFECT };

#define OF_MEMBERS (ARGUMENT_LOAD_BALANCER | ARGUMENT_MEMBERS | ARGUMENT_DEADLINE)

/* All that an agent can be asked to do. To add a verb, see ../README.md. */
static const struct {
    const char *name;
    enum verb_subject subject;
    enum manner manner;
    unsigned required; /* bits of enum command_argument */
    unsigned optional;
} verbs[] = {
    [VERB_FACTS] = {"facts", SUBJECT_HOST, LOOK, 0,
                    ARGUMENT_VERSION | ARGUMENT_ARTIFACT | ARGUMENT_SHA256},
    [VERB_STAGE] = {"stage", SUBJECT_NODE, EFFECT, ARGUMENT_VERSION | ARGUMENT_ARTIFACT,
                    ARGUMENT_SHA256 | ARGUMENT_DEADLINE},
    [VERB_UNSTAGE] = {"unstage", SUBJECT_NODE, EFFECT, ARGUMENT_VERSION, 0},
    [VERB_CONNECTIONS] = {"connections", SUBJECT_NODE, LOOK, ARGUMENT_DEADLINE, 0},
    [VERB_STOP] = {"stop", SUBJECT_NODE, EFFECT, ARGUMENT_DEADLINE, ARGUMENT_FORCE | ARGUMENT_KILL},
    [VERB_SWITCH] = {"switch", SUBJECT_NODE, EFFECT, ARGUMENT_VERSION, ARGUMENT_PREVIOUS_VERSION},
    [VERB_SWITCH_BACK] = {"switch-back", SUBJECT_NODE, EFFECT, ARGUMENT_VERSION,
                          ARGUMENT_PREVIOUS_VERSION},
    [VERB_START] = {"start", SUBJECT_NODE, EFFECT, ARGUMENT_VERSION | ARGUMENT_DEADLINE, 0},
    [VERB_PROBE] = {"probe", SUBJECT_NODE, LOOK, ARGUMENT_VERSION | ARGUMENT_DEADLINE, 0},
    [VERB_WATCH] = {"watch", SUBJECT_NODE, LOOK, ARGUMENT_VERSION | ARGUMENT_DURATION, 0},
    [VERB_CUSTOMISATIONS] = {"customisations", SUBJECT_NODE, QUESTION, ARGUMENT_DEADLINE,
                             ARGUMENT_VERSION | ARGUMENT_ARTIFACT | ARGUMENT_SHA256},
    [VERB_PRUNE] = {"prune", SUBJECT_NODE, EFFECT, ARGUMENT_VERSION | ARGUMENT_PREVIOUS_VERSION, 0},
    [VERB_LB_READ] = {"lb-read", SUBJECT_LB, QUESTION, OF_MEMBERS, 0},
    [VERB_LB_SET] = {"lb-set", SUBJECT_LB, EFFECT, OF_MEMBERS | ARGUMENT_ADMIN, 0},
    [VERB_LB_CUT] = {"lb-cut", SUBJECT_LB, EFFECT, OF_MEMBERS, 0},
    [VERB_CANCEL] = {"cancel", SUBJECT_HOST, EFFECT, ARGUMENT_TARGET, 0},
};
_Static_assert(sizeof(verbs) / sizeof(verbs[0]) == VERB_COUNT, "one row a verb");

static const struct {
    const char *name;
    bool is_final;
} report_kinds[] = {
    [REPORT_HELLO] = {"hello", false},       [REPORT_ACCEPTED] = {"accepted", false},
    [REPORT_PROGRESS] = {"progress", false}, [REPORT_DONE] = {"done", true},
    [REPORT_FAILED] = {"failed", true},      [REPORT_REFUSED] = {"refused", true},
};
_Static_assert(sizeof(report_kinds) / sizeof(report_kinds[0]) == REPORT_KIND_COUNT,
               "one row a kind");

const char *verb_name(enum verb verb)
{
    CHECK((unsigned)verb < VERB_COUNT);
    return verbs[verb].name;
}

bool verb_parse(const char *name, enum verb *ret_verb)
{
    for (unsigned verb = 0; verb < VERB_COUNT; verb++) {
        if (text_equal(verbs[verb].name, name)) {
            *ret_verb = (enum verb)verb;
            return true;
        }
    }
    return false;
}

bool verb_is_effect(enum verb verb)
{
    CHECK((unsigned)verb < VERB_COUNT);
    return verbs[verb].manner == EFFECT;
}

bool verb_is_question(enum verb verb)
{
    CHECK((unsigned)verb < VERB_COUNT);
    return verbs[verb].manner == QUESTION;
}

enum verb_subject verb_subject(enum verb verb)
{
    CHECK((unsigned)verb < VERB_COUNT);
    return verbs[verb].subject;
}

unsigned verb_required_arguments(enum verb verb)
{
    CHECK((unsigned)verb < VERB_COUNT);
    return verbs[verb].required;
}

unsigned verb_optional_arguments(enum verb verb)
{
    CHECK((unsigned)verb < VERB_COUNT);
    return verbs[verb].optional;
}

const char *report_kind_name(enum report_kind kind)
{
    CHECK((unsigned)kind < REPORT_KIND_COUNT);
    return report_kinds[kind].name;
}

bool report_kind_parse(const char *name, enum report_kind *ret_kind)
{
    for (unsigned kind = 0; kind < REPORT_KIND_COUNT; kind++) {
        if (text_equal(report_kinds[kind].name, name)) {
            *ret_kind = (enum report_kind)kind;
            return true;
        }
    }
    return false;
}

bool report_kind_is_final(enum report_kind kind)
{
    CHECK((unsigned)kind < REPORT_KIND_COUNT);
    return report_kinds[kind].is_final;
}

bool message_is_id(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._:-";
    size_t length = strlen(text);
    return length > 0 && length < LIMIT_ID && text[0] != '.' && text[0] != '-' &&
           strspn(text, allowed) == length;
}

static bool field_is_wrong(struct error *err, const char *field, const char *rule)
{
    error_set(err, ERROR_INVALID, "%s: %s", field, rule);
    return false;
}

static bool check_version(const char *field, const char *text, struct error *err)
{
    struct version version;
    if (text[0] == '\0' || version_parse(text, &version, err))
        return true;
    error_wrap(err, "%s", field);
    return false;
}

static bool is_one_of(const char *word, const char *const *words)
{
    while (*words != NULL && !text_equal(*words, word))
        words++;
    return *words != NULL;
}

bool message_is_admin(const char *word)
{
    static const char *const words[] = {"up", "drain", "down", NULL};
    return is_one_of(word, words);
}

bool message_is_health(const char *word)
{
    static const char *const words[] = {"up", "changing", "down", "unknown", NULL};
    return is_one_of(word, words);
}

bool message_is_printable(const char *text)
{
    while (*text != '\0') {
        size_t size = text_utf8_size(text);
        if (size == 0 || (unsigned char)*text < ' ' || *text == 0x7F)
            return false;
        text += size;
    }
    return true;
}

static bool is_graphic_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

static bool has_parent_component(const char *path)
{
    for (const char *at = strstr(path, "/.."); at != NULL; at = strstr(at + 1, "/..")) {
        if (at[3] == '/' || at[3] == '\0')
            return true;
    }
    return false;
}

static bool check_artifact_url(const char *rest, struct error *err)
{
    size_t authority = strcspn(rest, "/?#");
    if (!is_graphic_ascii(rest) || strchr(rest, '\\') != NULL)
        return field_is_wrong(err, "artifact", "a URL is ASCII without spaces and backslashes");
    if (authority == 0)
        return field_is_wrong(err, "artifact", "the URL names no host");
    if (memchr(rest, '@', authority) != NULL)
        return field_is_wrong(err, "artifact", "user and password have no place in a URL");
    return true;
}

static bool check_artifact(const char *artifact, struct error *err)
{
    if (artifact[0] == '\0')
        return true;
    if (text_starts_with(artifact, "https://"))
        return check_artifact_url(artifact + strlen("https://"), err);
    if (text_starts_with(artifact, "http://"))
        return check_artifact_url(artifact + strlen("http://"), err);
    if (artifact[0] != '/')
        return field_is_wrong(err, "artifact", "neither an absolute path nor an http(s) URL");
    if (strlen(artifact) >= LIMIT_PATH)
        return field_is_wrong(err, "artifact", "the path is too long");
    if (!message_is_printable(artifact))
        return field_is_wrong(err, "artifact", "the path has a control character or is not UTF-8");
    if (has_parent_component(artifact))
        return field_is_wrong(err, "artifact", "a path has no '..'");
    return true;
}

bool message_is_sha256(const char *text)
{
    size_t length = strlen(text);
    return length == LIMIT_SHA256_HEX - 1 && strspn(text, "0123456789abcdef") == length;
}

static bool check_sha256(const char *text, struct error *err)
{
    if (text[0] == '\0' || message_is_sha256(text))
        return true;
    return field_is_wrong(err, "sha256", "must be 64 lower-case hex digits");
}

static bool argument_is_given(const struct command *command, enum command_argument argument)
{
    switch (argument) {
    case ARGUMENT_VERSION:
        return command->version[0] != '\0';
    case ARGUMENT_PREVIOUS_VERSION:
        return command->previous_version[0] != '\0';
    case ARGUMENT_ARTIFACT:
        return command->artifact[0] != '\0';
    case ARGUMENT_SHA256:
        return command->sha256[0] != '\0';
    case ARGUMENT_TARGET:
        return command->target_id[0] != '\0';
    case ARGUMENT_DEADLINE:
        return command->deadline_ms != 0;
    case ARGUMENT_DURATION:
        return command->duration_ms != 0;
    case ARGUMENT_FORCE:
        return command->force;
    case ARGUMENT_KILL:
        return command->kill;
    case ARGUMENT_LOAD_BALANCER:
        return command->load_balancer[0] != '\0';
    case ARGUMENT_MEMBERS:
        return command->members.count != 0;
    case ARGUMENT_ADMIN:
        return command->admin[0] != '\0';
    }
    return false;
}

/* In the order of the bits of enum command_argument. */
static const char *const argument_names[] = {
    "version",   "previous_version", "artifact",    "sha256",
    "target_id", "deadline_ms",      "duration_ms", "force",
    "kill",      "load_balancer",    "members",     "admin",
};
#define ARGUMENT_COUNT (sizeof(argument_names) / sizeof(argument_names[0]))
_Static_assert(1 << (ARGUMENT_COUNT - 1) == ARGUMENT_ADMIN, "one name an argument");

static bool check_given_arguments(const struct command *command, struct error *err)
{
    unsigned required = verbs[command->verb].required;
    unsigned allowed = required | verbs[command->verb].optional;
    for (unsigned i = 0; i < ARGUMENT_COUNT; i++) {
        unsigned argument = 1U << i;
        bool is_given = argument_is_given(command, (enum command_argument)argument);
        if (!is_given && (required & argument) != 0)
            return field_is_wrong(err, argument_names[i], "missing");
        if (is_given && (allowed & argument) == 0)
            return field_is_wrong(err, argument_names[i], "this verb does not take it");
    }
    return true;
}

static bool check_members(const struct message_members *members, struct error *err)
{
    if (members->count > LIMIT_LB_MEMBERS)
        return field_is_wrong(err, "members", "too many");
    for (size_t i = 0; i < members->count; i++)
        if (members->names[i][0] == '\0' || !message_is_printable(members->names[i]))
            return field_is_wrong(err, "members", "one is empty or has a control character");
    return true;
}

static bool check_lb_forms(const struct command *command, struct error *err)
{
    if (command->load_balancer[0] != '\0' && !text_is_name(command->load_balancer))
        return field_is_wrong(err, "load_balancer", "not a name");
    if (command->admin[0] != '\0' && !message_is_admin(command->admin))
        return field_is_wrong(err, "admin", "not 'up', 'drain' or 'down'");
    return check_members(&command->members, err);
}

static bool check_argument_forms(const struct command *command, struct error *err)
{
    if (command->target_id[0] != '\0' && !message_is_id(command->target_id))
        return field_is_wrong(err, "target_id", "not an id");
    if (command->deadline_ms < 0)
        return field_is_wrong(err, "deadline_ms", "negative");
    if (command->duration_ms < 0)
        return field_is_wrong(err, "duration_ms", "negative");
    return check_version("version", command->version, err) &&
           check_version("previous_version", command->previous_version, err) &&
           check_artifact(command->artifact, err) && check_sha256(command->sha256, err) &&
           check_lb_forms(command, err);
}

static bool check_envelope(const struct command *command, struct error *err)
{
    if (!message_is_id(command->id))
        return field_is_wrong(err, "id", "not an id");
    if (!text_is_name(command->cluster))
        return field_is_wrong(err, "cluster", "not a name");
    if (!text_is_name(command->node))
        return field_is_wrong(err, "node", "not a name");
    if (command->epoch > INT64_MAX)
        return field_is_wrong(err, "epoch", "too large");
    if ((unsigned)command->verb >= VERB_COUNT)
        return field_is_wrong(err, "verb", "unknown");
    return true;
}

bool command_validate(const struct command *command, struct error *err)
{
    if (!check_envelope(command, err))
        return false;
    if (check_given_arguments(command, err) && check_argument_forms(command, err))
        return true;
    error_wrap(err, "command '%s'", verbs[command->verb].name);
    return false;
}
