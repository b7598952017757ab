/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmocka.h with the headers it needs before it.
 */
#ifndef SHUNT_CONTRACT_CMOCKA_SETUP_H
#define SHUNT_CONTRACT_CMOCKA_SETUP_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "check.h"

/* skip() does not come back, and the static checks must know that. */
static inline _Noreturn void skip_case(void)
{
    skip();
    CHECK(!"skip() has come back");
}

#endif
