/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which release the service definition starts: a unit with its drop-ins, or an init script. It
 * either goes through the install link, and a switch leaves it alone; or it names the directory of
 * one release, and a switch edits it, and nothing in it but that.
 */
#ifndef SHUNT_DEFINITION_H
#define SHUNT_DEFINITION_H

#include "agent_config.h"

enum definition_kind {
    DEFINITION_LINK,    /* through the install link; also where there is no definition */
    DEFINITION_RELEASE, /* names a release's directory, and perhaps the link as well */
    DEFINITION_NEITHER, /* hides it, in another script perhaps: the link is all we can move */
};

struct definition {
    enum definition_kind kind;
    char name[LIMIT_PATH + 16];  /* "unit bitbucket.service"; "" where there is none */
    char version[LIMIT_VERSION]; /* DEFINITION_RELEASE */
    char file[LIMIT_PATH];       /* one that names it; "" if only systemd's own view does */
    bool needs_reload;           /* systemd has not read our own last edit yet */
};

/* ERROR_NOT_FOUND: there is no such service. ERROR_CONFLICT: it names two releases, or it has been
 * changed by somebody and not loaded. ERROR_DENIED: it names a release in a file that belongs to a
 * package. */
bool definition_look(const struct agent_config *config, struct definition *ret_definition,
                     struct error *err);

/* The release that the definition names; "" if it names none, or cannot be looked at. */
void definition_release(const struct bitbucket_config *config, char version[LIMIT_VERSION]);

/* Makes it start release `version`, durably, and proves that it does. Files that are still as a
 * switch has left them are put back byte for byte, others are edited; what somebody has changed in
 * them meanwhile stays. Nothing is done where the definition is no DEFINITION_RELEASE. */
bool definition_switch(const struct agent_config *config, const struct definition *definition,
                       const char *version, struct error *err);

#endif
