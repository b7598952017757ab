/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What NGINX Plus alone can do, and how its stand-in is told to fail.
 */
#ifndef SHUNT_CASES_NGINX_PLUS_H
#define SHUNT_CASES_NGINX_PLUS_H

#include "contract.h"

int nginx_plus_run_cases(void);

/* fixture_nginx_plus.c: JSON for the stand-in's /setup, to both processes; "{}" ends all faults. */
void nginx_plus_setup(const char *faults);

#endif
