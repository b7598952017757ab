/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of configurations share over yaml.h: texts that must be unique, lists, what
 * another module found wrong, and the places of secrets.
 */
#ifndef SHUNT_CONFIG_VALUES_H
#define SHUNT_CONFIG_VALUES_H

#include "limit.h"
#include "yaml.h"

/* Texts that must be unique, each with the line where it stood first. */
struct config_unique {
    void *tree;
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

#endif
