/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions that stay on in production, for programmer errors only: a failed CHECK() says where
 * and aborts, because going on with a broken invariant could stop a node that serves. Whatever
 * comes from outside is an error (error.h), never a CHECK.
 */
#ifndef SHUNT_CHECK_H
#define SHUNT_CHECK_H

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            check_failed(__FILE__, __LINE__, __func__, #condition);                                \
    } while (0)

_Noreturn void check_failed(const char *file, int line, const char *function,
                            const char *condition);

#endif
