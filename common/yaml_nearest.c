/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml_tree.h"

#include <string.h>

#define ROW_SIZE (YAML_KEY_BYTES + 1)

static size_t least_of(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* How many letters must be put in, left out or replaced (Levenshtein). */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[ROW_SIZE], width = strlen(b);
    for (size_t i = 0; i <= width; i++)
        row[i] = i;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t above = row[j + 1];
            row[j + 1] = least_of(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[width];
}

const char *yaml_nearest(const char *text, char *const *words, size_t count)
{
    size_t best = 1 + strlen(text) / 3; /* farther than that it is another word */
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) >= ROW_SIZE)
            continue;
        size_t distance = edit_distance(text, words[i]);
        if (distance < best || (distance == best && !nearest)) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}
