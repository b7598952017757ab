/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one NGINX was last told, written down for a process that comes after this one: a reload that
 * is under way is awaited and not begun again, and what its master has refused is not sent again.
 *
 * It is a help and no truth: what cannot be read or written is as if nobody had been told anything,
 * and costs a reload.
 */
#ifndef SHUNT_NGINX_MEMORY_H
#define SHUNT_NGINX_MEMORY_H

#include "nginx_running.h"

/* Of all files, with their names. */
void nginx_memory_digest(const struct nginx_tree *tree, char sha256[LIMIT_SHA256_HEX]);

/* Sets tried, before, is_reloading and give_up_ms, if there is something to be known. */
void nginx_memory_read(const char *path, struct nginx_running *running);
void nginx_memory_write(const char *path, const struct nginx_running *running);

#endif
