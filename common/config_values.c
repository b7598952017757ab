/* SPDX-License-Identifier: Apache-2.0 */
#include "config_values.h"

#include "memory.h"
#include "text.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct claimed {
    int line;
    char text[];
};

static int compare_claimed(const void *a, const void *b)
{
    return strcmp(((const struct claimed *)a)->text, ((const struct claimed *)b)->text);
}

bool config_claim(struct yaml_document *document, struct config_unique *unique, const char *text,
                  const struct yaml_node *place, const char *rule)
{
    size_t text_size = strlen(text) + 1;
    struct claimed *entry = memory_zeroed(1, sizeof(*entry) + text_size);
    entry->line = yaml_line(place);
    memcpy(entry->text, text, text_size);
    struct claimed **slot = tsearch(entry, &unique->tree, compare_claimed);
    if (slot == NULL)
        abort(); /* out of memory */
    if (*slot == entry)
        return true;
    yaml_complain(document, place, "'%s' stands in line %d already: %s", text, (*slot)->line, rule);
    free(entry);
    return false;
}

void config_unique_done(struct config_unique *unique)
{
    tdestroy(unique->tree, free);
    unique->tree = NULL;
}

void config_complain_error(struct yaml_document *document, const struct yaml_node *place,
                           const struct error *err)
{
    yaml_complain(document, place, "%s%s%s", err->message, err->hint[0] != '\0' ? "; " : "",
                  err->hint);
}

const struct yaml_node *config_get_list(struct yaml_document *document, const struct yaml_node *map,
                                        const char *key, size_t least, size_t most)
{
    const struct yaml_node *list = yaml_get_list(document, map, key, least > 0);
    if (list == NULL)
        return NULL;
    size_t count = yaml_count(list);
    if (count >= least && count <= most)
        return list;
    yaml_complain(document, list, "%zu entries; %zu to %zu are allowed", count, least, most);
    return NULL;
}

const struct yaml_node *config_map_item(struct yaml_document *document,
                                        const struct yaml_node *list, size_t index)
{
    const struct yaml_node *item = yaml_item(list, index);
    if (item != NULL && yaml_kind(item) == YAML_MAP)
        return item;
    yaml_complain(document, item, "must be a map");
    return NULL;
}

const char *config_text_item(struct yaml_document *document, const struct yaml_node *list,
                             size_t index)
{
    const struct yaml_node *item = yaml_item(list, index);
    if (item != NULL && yaml_kind(item) == YAML_SCALAR)
        return yaml_text(item);
    yaml_complain(document, item, "must be a text");
    return NULL;
}

/* The scalar under the key if `is_good`; a complaint without the value if not. */
static void copy_secret_place(struct yaml_document *document, const struct yaml_node *place,
                              bool (*is_good)(const char *text), const char *rule, char *array,
                              size_t array_size)
{
    const char *text = yaml_kind(place) == YAML_SCALAR ? yaml_text(place) : "";
    if (is_good(text) && text_copy(array, array_size, text))
        return;
    yaml_complain(document, place,
                  "must be %s of less than %zu bytes (what stands there is not "
                  "shown: it could be the secret)",
                  rule, array_size);
}

static bool is_absolute_path(const char *text)
{
    return text[0] == '/';
}

/* POSIX, "Environment Variable Definition": what a shell can set. */
static bool is_variable_name(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    size_t start = strspn(text, letters);
    return start > 0 &&
           text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789")] ==
               '\0';
}

bool config_get_secret_file(struct yaml_document *document, const struct yaml_node *map,
                            const char *key, char path[LIMIT_PATH])
{
    const struct yaml_node *place = yaml_find(map, key);
    if (place == NULL)
        return false;
    copy_secret_place(document, place, is_absolute_path, "the absolute path of a file", path,
                      LIMIT_PATH);
    return true;
}

bool config_get_secret_variable(struct yaml_document *document, const struct yaml_node *map,
                                const char *key, char name[LIMIT_NAME])
{
    const struct yaml_node *place = yaml_find(map, key);
    if (place == NULL)
        return false;
    copy_secret_place(document, place, is_variable_name, "the name of an environment variable",
                      name, LIMIT_NAME);
    return true;
}

bool config_refuse_secret(struct yaml_document *document, const struct yaml_node *map,
                          const char *key, const char *instead)
{
    const struct yaml_node *place = yaml_find(map, key);
    if (place == NULL)
        return false;
    yaml_complain(document, place, "a secret does not belong in this file: %s", instead);
    return true;
}
