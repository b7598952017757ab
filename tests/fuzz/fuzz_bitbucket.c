/* SPDX-License-Identifier: Apache-2.0 */
/* Bitbucket's answers: whatever comes, a reader returns, and what it accepts keeps its bounds. */
#include "bitbucket_read.h"

#include "check.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct cluster_view view;
    struct member_list members;
    struct error err;
    char version[LIMIT_VERSION];
    char complaint[BITBUCKET_COMPLAINT_SIZE];

    if (bitbucket_parse_view(bytes, size, &view, &err)) {
        CHECK(view.node_count <= CLUSTER_VIEW_NODES);
        for (uint32_t i = 0; i < view.node_count; i++) {
            (void)node_state_name(view.nodes[i].state);
            CHECK(view.nodes[i].tasks >= -1 && view.nodes[i].users >= -1);
            CHECK(view.nodes[i].name[0] == '\0' || cluster_view_find(&view, view.nodes[i].name));
        }
    }
    if (bitbucket_parse_members(bytes, size, &members, &err))
        CHECK(members.count <= CLUSTER_VIEW_NODES);
    if (bitbucket_parse_version(bytes, size, version, &err))
        CHECK(strlen(version) < LIMIT_VERSION);
    bitbucket_parse_complaint(bytes, size, complaint);
    CHECK(strlen(complaint) < BITBUCKET_COMPLAINT_SIZE);
    return 0;
}
