/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration file: each map is read with every getter, and each complaint names
 * the file. */
#include "check.h"
#include "yaml.h"

#include <stdlib.h>
#include <string.h>

#define MAPS_MOST 256 /* of one input, that are read */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_members(struct yaml_document *document, const struct yaml_node *map)
{
    static const char *const words[] = {"abort", "force", NULL};
    char text[64];
    int64_t number = 0;
    bool flag = false;
    int word = 0;
    for (size_t i = 0; i < yaml_count(map); i++) {
        const char *key = yaml_key(map, i);
        yaml_get_text(document, map, key, true, text, sizeof(text));
        yaml_get_name(document, map, key, true, text, sizeof(text));
        yaml_get_path(document, map, key, true, text, sizeof(text));
        yaml_get_url(document, map, key, true, text, sizeof(text));
        yaml_get_integer(document, map, key, true, -100, 100, &number);
        yaml_get_duration_ms(document, map, key, true, 1, 1000, &number);
        yaml_get_bool(document, map, key, true, &flag);
        yaml_get_word(document, map, key, true, words, &word);
        CHECK(number >= -100 && number <= 1000 && word >= 0 && word <= 1);
    }
}

/* Breadth first over a bounded list. */
static void read_tree(struct yaml_document *document)
{
    const struct yaml_node *nodes[MAPS_MOST] = {document->root};
    size_t count = 1;
    for (size_t i = 0; i < count; i++) {
        if (yaml_kind(nodes[i]) == YAML_SCALAR)
            continue;
        for (size_t j = 0; j < yaml_count(nodes[i]) && count < MAPS_MOST; j++)
            nodes[count++] = yaml_item(nodes[i], j);
        if (yaml_kind(nodes[i]) != YAML_MAP)
            continue;
        yaml_find(nodes[i], "soak");
        yaml_complain_unknown(document, nodes[i]);
        read_members(document, nodes[i]);
    }
}

static void check_complaints(const struct yaml_document *document)
{
    size_t lines = 0;
    for (const char *line = buffer_text(&document->complaints); *line; lines++) {
        CHECK(strncmp(line, "f.yaml:", strlen("f.yaml:")) == 0);
        line = strchr(line, '\n');
        CHECK(line != NULL);
        line++;
    }
    CHECK(lines <= document->complaint_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaml_document document;
    yaml_parse("f.yaml", (const char *)data, size, &document);
    CHECK(document.root || document.complaint_count > 0);
    if (document.root)
        read_tree(&document);
    check_complaints(&document);
    yaml_done(&document);
    return 0;
}
