/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real Tomcat with nothing but an AJP connector and a page that says "tomcat". One at a time.
 */
#ifndef SHUNT_CONTRACT_TOMCAT_H
#define SHUNT_CONTRACT_TOMCAT_H

#include <stdbool.h>

bool tomcat_is_installed(void);
void tomcat_start(void); /* until it answers, at the port it had before if there was one */
void tomcat_end(void);
int tomcat_port(void);
void tomcat_done(void); /* ends it where it runs, and removes its files */

#endif
