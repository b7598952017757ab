/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to operators' requests, as JSON in a list of their own that lives for a minute. */
#ifndef SHUNT_ANSWER_H
#define SHUNT_ANSWER_H

#include "json.h"
#include "shell.h"

/* {"id","ok":true,"message"} or, where err has a code, {"id","ok":false,"error":{…}}; `extra`
 * (NULL, or borrowed) is added under the key. */
void answer(struct shell *shell, struct cluster *cluster, const char *id, const char *message,
            const struct error *err, const char *extra_key, json_t *extra);
void answer_text(struct shell *shell, struct cluster *cluster, const char *id, const char *message,
                 const struct error *err);

/* history.c: the latest entries hold this end of the cluster's upgrade. */
bool history_has(struct shell *shell, struct cluster *cluster);
/* An entry of shunt:{C}:history, its one field "upgrade" or "event". */
void history_add(struct shell *shell, struct cluster *cluster, const char *field,
                 const json_t *json);

/* {"code","message","hint"}, or null. A new reference. */
json_t *error_to_json(const struct error *err);

#endif
