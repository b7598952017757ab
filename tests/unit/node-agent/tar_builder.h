/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives for tests, byte by byte (POSIX ustar), because a library that writes archives would not
 * write the ones that matter here.
 */
#ifndef SHUNT_TAR_BUILDER_H
#define SHUNT_TAR_BUILDER_H

#include "common/unit_test.h"

#include "buffer.h"
#include "digest.h"
#include "memory.h"

#include <archive.h>
#include <archive_entry.h>

#define TAR_BYTES ((size_t)128 * 1024 * 1024)
#define TAR_TOP   "atlassian-bitbucket-7.9.4/"

struct tar_entry {
    const char *name;
    char type; /* '0' file, '1' hard link, '2' link, '3' device, '5' directory, '6' fifo */
    const char *contents; /* file */
    const char *target;   /* links */
    unsigned mode;        /* 0 = 0644, or 0755 for a directory */
};

static inline void tar_octal(char *field, size_t size, unsigned long long value)
{
    char text[32];
    snprintf(text, sizeof(text), "%0*llo", (int)size - 1, value);
    memcpy(field, text, size);
}

/* A name of more than 100 bytes has its directories in a field of their own. */
static inline void tar_name(char block[512], const char *name)
{
    size_t length = strlen(name);
    const char *rest = length > 100 ? strrchr(name, '/') + 1 : name;
    memcpy(block, rest, strnlen(rest, 100));
    if (rest > name)
        memcpy(block + 345, name, strnlen(name, (size_t)(rest - name) - 1));
}

static inline void tar_header(struct buffer *tar, const struct tar_entry *entry, size_t size)
{
    char block[512] = {0};
    unsigned sum = 0;
    unsigned mode = entry->mode != 0 ? entry->mode : entry->type == '5' ? 0755 : 0644;
    tar_name(block, entry->name);
    tar_octal(block + 100, 8, mode);
    tar_octal(block + 108, 8, 0);
    tar_octal(block + 116, 8, 0);
    tar_octal(block + 124, 12, size);
    tar_octal(block + 136, 12, 1600000000);
    memset(block + 148, ' ', 8);
    block[156] = entry->type;
    if (entry->target != NULL)
        memcpy(block + 157, entry->target, strnlen(entry->target, 100));
    memcpy(block + 257, (const char[8]){'u', 's', 't', 'a', 'r', 0, '0', '0'}, 8);
    for (size_t i = 0; i < sizeof(block); i++)
        sum += (unsigned char)block[i];
    tar_octal(block + 148, 7, sum);
    assert_true(buffer_add(tar, block, sizeof(block)));
}

static inline void tar_add(struct buffer *tar, struct tar_entry entry)
{
    static const char padding[512];
    size_t size = entry.contents != NULL ? strlen(entry.contents) : 0;
    tar_header(tar, &entry, size);
    if (size > 0)
        assert_true(buffer_add(tar, entry.contents, size));
    assert_true(buffer_add(tar, padding, (512 - size % 512) % 512));
}

/* A file of zero bytes, for tests of what is large. */
static inline void tar_add_zeros(struct buffer *tar, const char *name, size_t size)
{
    struct tar_entry entry = {.name = name, .type = '0'};
    char *zeros = memory_zeroed(size + 512, 1);
    tar_header(tar, &entry, size);
    assert_true(buffer_add(tar, zeros, (size + 511) / 512 * 512));
    free(zeros);
}

static inline void tar_end(struct buffer *tar)
{
    static const char zeros[1024];
    assert_true(buffer_add(tar, zeros, sizeof(zeros)));
}

#define TAR_HOME_SCRIPT                                                                            \
    "# home\nif [ -z \"${BITBUCKET_HOME}\" ]; then\n    BITBUCKET_HOME=\nfi\nexport "              \
    "BITBUCKET_HOME\n"
#define TAR_POM                                                                                    \
    TAR_TOP "app/META-INF/maven/com.atlassian.bitbucket.server/bitbucket-webapp/pom.properties"

/* The least that is a release. `inner_version` NULL leaves the properties out. */
static inline void tar_add_release(struct buffer *tar, const char *inner_version)
{
    char properties[64];
    tar_add(tar, (struct tar_entry){.name = TAR_TOP, .type = '5'});
    tar_add(tar, (struct tar_entry){.name = TAR_TOP "bin/start-bitbucket.sh",
                                    .type = '0',
                                    .contents = "#!/bin/sh\n",
                                    .mode = 0755});
    tar_add(tar, (struct tar_entry){.name = TAR_TOP "bin/stop-bitbucket.sh",
                                    .type = '0',
                                    .contents = "#!/bin/sh\n",
                                    .mode = 0755});
    tar_add(tar, (struct tar_entry){.name = TAR_TOP "bin/set-bitbucket-home.sh",
                                    .type = '0',
                                    .contents = TAR_HOME_SCRIPT,
                                    .mode = 0644});
    if (inner_version == NULL)
        return;
    snprintf(properties, sizeof(properties), "groupId=x\nversion=%s\n", inner_version);
    tar_add(tar, (struct tar_entry){.name = TAR_POM, .type = '0', .contents = properties});
}

/* The same bytes compressed. */
static inline void tar_gzip(const struct buffer *tar, struct buffer *ret_gzip)
{
    char *bytes = memory_zeroed(tar->length + 65536, 1);
    size_t used = 0;
    struct archive *writer = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    archive_write_add_filter_gzip(writer);
    archive_write_set_format_raw(writer);
    assert_int_equal(archive_write_open_memory(writer, bytes, tar->length + 65536, &used), 0);
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(writer, entry), 0);
    assert_int_equal(archive_write_data(writer, tar->data, tar->length), tar->length);
    assert_int_equal(archive_write_close(writer), 0);
    assert_true(buffer_add(ret_gzip, bytes, used));
    archive_entry_free(entry);
    archive_write_free(writer);
    free(bytes);
}

static inline void hash_bytes(const struct buffer *bytes, char text[LIMIT_SHA256_HEX])
{
    struct digest digest;
    digest_init(&digest);
    digest_add(&digest, bytes->data, bytes->length);
    digest_write(&digest, text);
}

#endif
