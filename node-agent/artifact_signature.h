/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signature beside an artifact, ARTIFACT.minisig, where the configuration has a key. It is read
 * before the artifact, so that a missing one costs no download, and checked against the bytes that
 * are unpacked, before the release gets its name.
 */
#ifndef SHUNT_ARTIFACT_SIGNATURE_H
#define SHUNT_ARTIFACT_SIGNATURE_H

#include "job.h"

struct artifact_signature {
    const struct minisign_key *key; /* borrowed; NULL = no signature is wanted */
    struct minisign_signature signature;
    struct minisign_hash hash;
};

/* ERROR_NOT_FOUND where there is none, ERROR_INTEGRITY where it is not of the configured key. */
bool artifact_signature_read(struct artifact_signature *signature, const struct job *job,
                             struct error *err);

/* Where it stays from then on: the hash is not copied. */
void artifact_signature_begin(struct artifact_signature *signature);
/* The artifact's bytes, all of them once, in their order. */
void artifact_signature_add(struct artifact_signature *signature, const void *bytes, size_t size);
bool artifact_signature_check(struct artifact_signature *signature, struct error *err);

/* The number of the key, "" where no signature is wanted: what a record of the release is to say.
 */
void artifact_signature_write_key(const struct agent_config *config, char text[MINISIGN_ID_SIZE]);

#endif
