/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose lease is renewed next. Those of a large fleet are not renewed in one go, or whatever comes
 * meanwhile would wait for all of them.
 */
#ifndef SHUNT_LEASE_TURN_H
#define SHUNT_LEASE_TURN_H

#include "shell.h"

#define LEASE_TURN_MOST 64 /* Redis has them within some milliseconds */

/* Lists clusters whose lease is due, or will be so soon that they come with the others, in turn:
 * who was listed last is looked at last the next time. They are taken to be renewed now. */
size_t lease_turn_take(struct shell *shell, int64_t now_ms, uint32_t list[LEASE_TURN_MOST]);
/* Milliseconds until the first is due; 0 or less if one is. */
int64_t lease_turn_wait_ms(const struct shell *shell, int64_t now_ms);
/* This one is due at once. */
void lease_turn_hurry(struct shell *shell, struct cluster *cluster);

#endif
