/* SPDX-License-Identifier: Apache-2.0 */
#include "name_holder.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

/* Of one word: what stands in the text between two spaces. */
static void copy_word(char *array, size_t array_size, const char *word, size_t length)
{
    if (length >= array_size)
        length = array_size - 1;
    memcpy(array, word, length);
    array[length] = '\0';
}

void name_holder_write(const struct name_holder *holder, char text[NAME_HOLDER_SIZE])
{
    (void)snprintf(text, NAME_HOLDER_SIZE, "%s %s %s %s", holder->instance, holder->host,
                   holder->pid, holder->lock);
}

void name_holder_read(const char *text, struct name_holder *ret_holder)
{
    struct {
        char *array;
        size_t size;
    } words[] = {
        {ret_holder->instance, sizeof(ret_holder->instance)},
        {ret_holder->host, sizeof(ret_holder->host)},
        {ret_holder->pid, sizeof(ret_holder->pid)},
        {ret_holder->lock, sizeof(ret_holder->lock)},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = strcspn(text, " ");
        if (length > 0)
            copy_word(words[i].array, words[i].size, text, length);
        else
            (void)text_copy(words[i].array, words[i].size, "?");
        text += text[length] == ' ' ? length + 1 : length;
    }
}

bool name_holder_succeeds(const struct name_holder *later, const struct name_holder *earlier)
{
    return strchr(later->lock, ':') != NULL && text_equal(later->lock, earlier->lock);
}
