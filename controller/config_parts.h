/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files config*.c share while one configuration is read; no other file includes this.
 *
 * A reader of a part takes what it can, puts every complaint into the document, and leaves the rest
 * zeroed, so that config_done() is right on it at any time.
 */
#ifndef SHUNT_CONFIG_PARTS_H
#define SHUNT_CONFIG_PARTS_H

#include "config.h"

/* Texts that must be unique, each with the line where it stood first. */
struct config_unique {
    void *tree;
};

struct config_reading {
    struct yaml_document *document;
    bool is_embedded;
    /* Across the whole fleet: */
    struct config_unique cluster_names;
    struct config_unique urls;
    struct config_unique lb_members; /* "driver address member" */
};

/* True if the text is new. Otherwise complains at `place` with the line of the first and the rule
 * that it breaks. */
bool config_claim(struct yaml_document *document, struct config_unique *unique, const char *text,
                  const struct yaml_node *place, const char *rule);
void config_unique_done(struct config_unique *unique);

#define UNIQUE_CLEANUP __attribute__((cleanup(config_unique_done)))

/* Complains at `place` of what another module found wrong with the value, with its hint. */
void config_complain_error(struct yaml_document *document, const struct yaml_node *place,
                           const struct error *err);

/* A web URL that paths can be put after. True if *array holds a good one. */
bool config_get_base_url(struct yaml_document *document, const struct yaml_node *map,
                         const char *key, char url[LIMIT_URL]);

/* A list under the key with `least` to `most` items. NULL if absent or wrong. */
const struct yaml_node *config_get_list(struct yaml_document *document, const struct yaml_node *map,
                                        const char *key, size_t least, size_t most);
/* The item if it is a map or a scalar; NULL, with a complaint, if not. */
const struct yaml_node *config_map_item(struct yaml_document *document,
                                        const struct yaml_node *list, size_t index);
const char *config_text_item(struct yaml_document *document, const struct yaml_node *list,
                             size_t index);

/* The path of a file that holds a secret. Like yaml_get_path(), but no complaint shows the value:
 * it may be the secret itself, put there by mistake. True if the key is there. */
bool config_get_secret_file(struct yaml_document *document, const struct yaml_node *map,
                            const char *key, char path[LIMIT_PATH]);
/* The name of an environment variable that holds a secret; the same care. */
bool config_get_secret_variable(struct yaml_document *document, const struct yaml_node *map,
                                const char *key, char name[LIMIT_NAME]);
/* True, with a complaint, if the key, which would hold a secret itself, is there. */
bool config_refuse_secret(struct yaml_document *document, const struct yaml_node *map,
                          const char *key, const char *instead);

/* The maps `credentials` and `tls` of a cluster or a load balancer. */
void config_read_credentials(struct yaml_document *document, const struct yaml_node *outer,
                             bool required, struct credentials *credentials);
void config_read_tls(struct yaml_document *document, const struct yaml_node *outer,
                     char ca_file[LIMIT_PATH]);

void config_read_redis(struct yaml_document *document, const struct yaml_node *map,
                       struct redis_address *redis);

void config_read_cluster(struct config_reading *reading, const struct yaml_node *map,
                         struct cluster_config *cluster);
void config_cluster_done(struct cluster_config *cluster);

/* cluster->nodes must have been read. */
void config_read_lbs(struct config_reading *reading, const struct yaml_node *cluster_map,
                     struct cluster_config *cluster);
/* What load balancers and policy ask of each other; both must have been read. */
void config_check_ramps(struct yaml_document *document, const struct yaml_node *cluster_map,
                        const struct cluster_config *cluster);
void config_lbs_done(struct cluster_config *cluster);

/* map: the cluster's; defaults depend on its number of nodes. */
void config_read_policy(struct yaml_document *document, const struct yaml_node *map,
                        size_t node_count, struct policy *policy);

#endif
