/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound that more than one module relies on, with its reason. A bound of one module stands
 * in that module. (Not limits.h: the C library's <limits.h> is found by a search that may come by
 * here.)
 */
#ifndef SHUNT_LIMIT_H
#define SHUNT_LIMIT_H

#define LIMIT_NAME       64   /* cluster, node, LB, operator names incl. NUL; they become keys */
#define LIMIT_VERSION    32   /* "10.2.15" and a suffix, incl. NUL */
#define LIMIT_PATH       512  /* paths and unix sockets in configuration and messages, incl. NUL */
#define LIMIT_URL        1024 /* incl. NUL; presigned artifact URLs are long */
#define LIMIT_ID         128  /* command, request and upgrade ids, incl. NUL */
#define LIMIT_SHA256_HEX 65   /* 64 hex digits and NUL */
#define LIMIT_NODES      32   /* nodes of a cluster: the largest public Data Center has 12 */
#define LIMIT_LBS        8    /* load balancers that one cluster stands behind */
#define LIMIT_LB_MEMBER  256  /* a member's name at its load balancer, incl. NUL */
#define LIMIT_LB_MEMBERS 8    /* members of one node in one load balancer: HTTP, SSH, and so on */
#define LIMIT_CLUSTERS   4096 /* clusters of one fleet: the benchmark has 2,500 */
#define LIMIT_OPERATORS  64   /* people with a key */

#define LIMIT_CLOCK_SKEW_MS 60000 /* of a node's clock: commands expire by it */

#define LIMIT_MESSAGE_BYTES (64 * 1024)       /* a signed command, report or request on the wire */
#define LIMIT_REST_BYTES    (1024 * 1024)     /* a REST answer: 12 nodes are 5 KB */
#define LIMIT_LB_BYTES      (8 * 1024 * 1024) /* `show stat` of a large HAProxy is 2 MB */
#define LIMIT_CONFIG_BYTES  (8 * 1024 * 1024) /* 2,500 clusters of 4 nodes are 3 MB of YAML */

#endif
