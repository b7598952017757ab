/* SPDX-License-Identifier: Apache-2.0 */
#include "definition_text.h"

#include "text.h"
#include "version.h"

#include <ctype.h>
#include <string.h>

#define SCRIPT_NAME "start-bitbucket.sh"
#define OPTION      "--no-search"

/* systemd.service(5): before a command. Behind '@' its own name follows, and so no option may. */
#define UNIT_PREFIXES "-:+!"

/* A stretch of the text. */
struct stretch {
    const char *at;
    size_t size;
};

static bool is_equal(struct stretch stretch, const char *text)
{
    return strlen(text) == stretch.size && memcmp(stretch.at, text, stretch.size) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* ---- paths in a text ---- */

static size_t name_size(const char *at)
{
    return strcspn(at, " \t\r\n/\"'`;:|&<>(){}$=,*?[]\\");
}

/* A path begins here: it is not the rest of a longer one. What systemd puts before a command ('-',
 * '@', '+', '!', ':') is none of it. */
static bool is_begin(const char *text, const char *at)
{
    return at == text || (!isalnum((unsigned char)at[-1]) && strchr("/._~}", at[-1]) == NULL);
}

/* The path `path` is here, or one below it: what follows, or NULL. */
static const char *after_path(const char *text, const char *at, const char *path)
{
    if (path == NULL || !text_starts_with(at, path) || !is_begin(text, at))
        return NULL;
    return at + strlen(path);
}

/* The name of the release whose directory is named here; size 0 if none is. */
static struct stretch release_at(const char *text, const char *at,
                                 const struct definition_places *places)
{
    char name[LIMIT_VERSION];
    struct version version;
    struct error ignored;
    for (size_t i = 0; i < 2; i++) {
        const char *rest = after_path(text, at, places->releases[i]);
        if (rest == NULL || *rest != '/')
            continue;
        struct stretch found = {rest + 1, name_size(rest + 1)};
        if (found.size == 0 || found.size >= sizeof(name))
            continue;
        memcpy(name, found.at, found.size);
        name[found.size] = '\0';
        if (version_parse(name, &version, &ignored))
            return found;
    }
    return (struct stretch){at, 0};
}

static bool is_link_at(const char *text, const char *at, const struct definition_places *places)
{
    for (size_t i = 0; i < 2; i++) {
        const char *rest = after_path(text, at, places->links[i]);
        if (rest != NULL && name_size(rest) == 0)
            return true;
    }
    return false;
}

/* ---- reading ---- */

static void take_version(struct stretch found, struct definition_names *names)
{
    char version[LIMIT_VERSION];
    memcpy(version, found.at, found.size);
    version[found.size] = '\0';
    if (names->version[0] == '\0')
        TEXT_COPY(names->version, version);
    if (text_equal(version, names->version))
        names->count++;
    else
        TEXT_COPY(names->other, version);
}

static const char *line_end(const char *at)
{
    const char *end = strchr(at, '\n');
    return end != NULL ? end : at + strlen(at);
}

static bool is_comment(const char *line)
{
    line += strspn(line, " \t");
    return *line == '#' || *line == ';';
}

void definition_text_read(const char *text, const struct definition_places *places,
                          struct definition_names *ret_names)
{
    *ret_names = (struct definition_names){.has_link = false};
    for (const char *line = text; *line != '\0';) {
        const char *end = line_end(line);
        for (const char *at = line; at < end && !is_comment(line); at++) {
            struct stretch found = release_at(text, at, places);
            if (found.size > 0)
                take_version(found, ret_names);
            else if (is_link_at(text, at, places))
                ret_names->has_link = true;
        }
        line = *end == '\0' ? end : end + 1;
    }
}

static const char *find(const char *at, const char *end, const char *text)
{
    return memmem(at, (size_t)(end - at), text, strlen(text));
}

bool definition_text_has_start(const char *text)
{
    for (const char *line = text; *line != '\0';) {
        const char *end = line_end(line);
        if (!is_comment(line) &&
            (find(line, end, SCRIPT_NAME) != NULL || find(line, end, "_start-webapp.sh") != NULL))
            return true;
        line = *end == '\0' ? end : end + 1;
    }
    return false;
}

/* All of its components: name_size() ends at a slash. */
static size_t path_size(const char *at)
{
    size_t size = 0;
    while (at[size] == '/')
        size += 1 + name_size(at + size + 1);
    return size;
}

static bool take_path(const char *at, size_t size, char path[LIMIT_PATH])
{
    while (size > 1 && at[size - 1] == '/')
        size--;
    if (size < 2 || size >= LIMIT_PATH)
        return false;
    memcpy(path, at, size);
    path[size] = '\0';
    return true;
}

bool definition_text_next_path(const char *text, const char **at, char path[LIMIT_PATH])
{
    while (**at != '\0') {
        bool is_line = *at == text || (*at)[-1] == '\n';
        if (is_line && is_comment(*at)) {
            *at = line_end(*at);
        } else if (**at == '/' && is_begin(text, *at)) {
            const char *begin = *at;
            size_t size = path_size(begin);
            *at += size;
            if (take_path(begin, size, path))
                return true;
        }
        *at += **at != '\0';
    }
    return false;
}

/* ---- the option ---- */

/* After these words a shell takes the next one for a command, or for a script that it reads. */
static bool comes_before_command(struct stretch word)
{
    static const char *const words[] = {".",         "source", "exec", "sh",     "bash", "/bin/sh",
                                        "/bin/bash", "nohup",  "then", "else",   "do",   "{",
                                        "&&",        "||",     "!",    "setsid", "if",   "--"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (is_equal(word, words[i]))
            return true;
    }
    return false;
}

/* The last word before `at`, which may be empty. */
static struct stretch word_before(const char *line, const char *at)
{
    while (at > line && is_blank(at[-1]))
        at--;
    const char *begin = at;
    while (begin > line && !is_blank(begin[-1]) && begin[-1] != '"' && begin[-1] != '\'')
        begin--;
    return (struct stretch){begin, (size_t)(at - begin)};
}

static bool is_unit_start(struct stretch word)
{
    static const char key[] = "ExecStart=";
    size_t size = strlen(key);
    return word.size >= size && memcmp(word.at, key, size) == 0 &&
           strspn(word.at + size, UNIT_PREFIXES) >= word.size - size;
}

/* The word that begins at `at`, behind its quote if it has one, is run as a command. */
static bool is_command(const char *line, const char *at, bool *ret_is_quoted)
{
    const char *before = at;
    *ret_is_quoted = at > line && (at[-1] == '"' || at[-1] == '\'');
    if (*ret_is_quoted)
        before--;
    struct stretch word = word_before(line, before);
    if (is_equal(word, "-c")) {
        *ret_is_quoted = false; /* the quotes hold a whole command */
        return true;
    }
    return (word.size == 0 && word.at == line) || comes_before_command(word) ||
           is_unit_start(word) || (word.size > 0 && word.at[word.size - 1] == ';');
}

/* The begin of the word that the name of the start script, at `name`, is the end of. */
static const char *word_begin(const char *line, const char *name)
{
    while (name > line && strchr(" \t\"'=;|&(`", name[-1]) == NULL)
        name--;
    return name;
}

/* Where the option is to be put, if the name of the start script, at `name`, is that of a command;
 * NULL otherwise. */
static const char *place_behind(const char *line, const char *name)
{
    bool is_quoted;
    const char *behind = name + strlen(SCRIPT_NAME);
    const char *begin = word_begin(line, name);
    while (begin < name && strchr(UNIT_PREFIXES, *begin) != NULL)
        begin++;
    if (*begin == '@' || !is_command(line, begin, &is_quoted) || name_size(behind) != 0)
        return NULL;
    if (!is_quoted)
        return behind;
    return *behind == begin[-1] ? behind + 1 : NULL;
}

static const char *option_place(const char *line, const char *end)
{
    const char *place = NULL;
    if (is_comment(line) || find(line, end, OPTION) != NULL)
        return NULL;
    for (const char *at = line; place == NULL; at += strlen(SCRIPT_NAME)) {
        at = find(at, end, SCRIPT_NAME);
        if (at == NULL)
            return NULL;
        place = place_behind(line, at);
    }
    return place;
}

/* ---- the edit ---- */

/* One line without its end, or the rest of one. */
static bool edit_stretch(const char *text, const char *at, const char *end,
                         const struct definition_places *places, const char *from, const char *to,
                         struct buffer *ret_text)
{
    bool is_added = true;
    while (at < end && is_added) {
        struct stretch found = release_at(text, at, places);
        if (found.size > 0 && is_equal(found, from)) {
            is_added =
                buffer_add(ret_text, at, (size_t)(found.at - at)) && buffer_add_text(ret_text, to);
            at = found.at + found.size;
        } else {
            is_added = buffer_add(ret_text, at++, 1);
        }
    }
    return is_added;
}

bool definition_text_edit(const char *text, const struct definition_places *places,
                          const char *from, const char *to, struct buffer *ret_text)
{
    bool is_added = true;
    for (const char *line = text; *line != '\0' && is_added;) {
        const char *end = line_end(line);
        const char *next = *end == '\0' ? end : end + 1;
        const char *place = option_place(line, end);
        const char *middle = place != NULL ? place : next;
        is_added = edit_stretch(text, line, middle, places, from, to, ret_text) &&
                   (place == NULL || buffer_add_text(ret_text, " " OPTION)) &&
                   edit_stretch(text, middle, next, places, from, to, ret_text);
        line = next;
    }
    return is_added;
}
