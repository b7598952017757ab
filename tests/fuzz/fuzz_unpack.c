/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking: whatever an archive says, nothing beside the root is made or changed, and what is
 * inside can be removed again. The archive comes in odd pieces.
 */
#include "check.h"
#include "file.h"
#include "memory.h"
#include "unpack.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES 700
#define PATH_SIZE   64

struct archive_bytes {
    const uint8_t *data;
    size_t left;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool give(void *context, const void **ret_bytes, size_t *ret_size, struct error *err)
{
    struct archive_bytes *bytes = context;
    (void)err;
    *ret_bytes = bytes->data;
    *ret_size = bytes->left < PIECE_BYTES ? bytes->left : PIECE_BYTES;
    bytes->data += *ret_size;
    bytes->left -= *ret_size;
    return true;
}

/* Made once; it holds nothing but `root` while that is unpacked into. */
static char scratch[PATH_SIZE];

static void remove_scratch(void)
{
    (void)rmdir(scratch);
}

static void make_scratch(void)
{
    if (scratch[0] != '\0')
        return;
    snprintf(scratch, sizeof(scratch), "/dev/shm/shunt-fuzz-XXXXXX");
    CHECK(mkdtemp(scratch) != NULL);
    CHECK(atexit(remove_scratch) == 0);
}

static size_t count_names(const char *path)
{
    size_t count = 0;
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 2;
}

static void unpack(int root_fd, const uint8_t *data, size_t size)
{
    struct archive_bytes bytes = {data, size};
    struct unpack_request request = {
        .root_fd = root_fd,
        .version = "7.9.4",
        .model_fd = -1,
        .most_bytes = 1 << 20,
        .most_entries = 100,
        .allows_plain_tar = true,
        .read = give,
        .context = &bytes,
    };
    struct error err = {.code = ERROR_NONE};
    if (!unpack_run(&request, &err))
        CHECK(err.code != ERROR_NONE && err.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char root[PATH_SIZE + sizeof("/root")];
    struct error err;
    make_scratch();
    snprintf(root, sizeof(root), "%s/root", scratch);
    CHECK(mkdir(root, 0700) == 0);
    CLOSE_CLEANUP int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(root_fd >= 0);
    unpack(root_fd, data, size);
    CHECK(count_names(scratch) == 1);
    CHECK(file_remove_tree(root, &err));
    return 0;
}
