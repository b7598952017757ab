/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, and may that be asked? The same for requests of both streams. */
#ifndef SHUNT_REQUEST_CHECK_H
#define SHUNT_REQUEST_CHECK_H

#include "channel.h"
#include "request.h"

/* The operator whose good signature the entry bears. NULL: ERROR_PROTOCOL where it is no message,
 * ERROR_DENIED where it is somebody else's. */
const struct operator_config *request_signer(const struct config *config,
                                             const struct channel_entry *entry, struct error *err);

/* That it is the signer's own, for this cluster, and within the signer's role, whenever that was.
 */
bool request_is_permitted(const struct config *config, const char *cluster,
                          const struct request *request, const char *signer, struct error *err);
/* The same, and that it is neither expired nor from the future. */
bool request_is_allowed(const struct config *config, const char *cluster,
                        const struct request *request, const char *signer, struct error *err);

#endif
