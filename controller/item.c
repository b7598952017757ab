/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include "memory.h"

#include <stdlib.h>

struct item *item_new(enum item_kind kind, uint32_t cluster)
{
    struct item *item = memory_zeroed(1, sizeof(*item));
    item->kind = kind;
    item->cluster = cluster;
    item->event.node = NODE_NONE;
    item->event.view_source = NODE_NONE;
    item->event.sessions = item->event.connections = -1;
    return item;
}

void item_free(struct item *item)
{
    if (item == NULL)
        return;
    free(item->view);
    free(item->body);
    free(item);
}
