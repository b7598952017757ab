/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a configuration, replaced and put back, never over somebody else's change. */
#include "nginx_tree.h"

#include "check.h"
#include "file.h"
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODE_BITS 07777

/* It starts with a dot, so that no pattern in an include takes it for a part. */
static char *temporary_beside(const char *path)
{
    FREE_CLEANUP char *directory = file_directory(path);
    return memory_format("%s/.%s.shunt", directory, strrchr(path, '/') + 1);
}

/* Nobody else has touched it: the same file, with the same bytes. */
static bool check_unchanged(const struct nginx_file *known, struct error *err)
{
    struct nginx_file now;

    if (!nginx_file_load(known->path, &now, err))
        return false;
    bool is_same =
        now.status.st_dev == known->status.st_dev && now.status.st_ino == known->status.st_ino &&
        memcmp(&now.status.st_mtim, &known->status.st_mtim, sizeof(now.status.st_mtim)) == 0 &&
        now.bytes.length == known->bytes.length &&
        (now.bytes.length == 0 || memcmp(now.bytes.data, known->bytes.data, now.bytes.length) == 0);
    nginx_file_done(&now);
    if (is_same)
        return true;
    error_set(err, ERROR_CONFLICT, "'%s' was changed by somebody else meanwhile", known->path);
    error_hint(err, "it is left as it is; what was asked is done when it is asked again");
    return false;
}

/* The new file with all that the old one has but its bytes. It is noted as ours before it gets the
 * name, since its inode and time stay what they are. */
static bool make_new(const char *temporary, const struct nginx_file *known,
                     const struct buffer *bytes, struct nginx_file *ret_new, struct error *err)
{
    const struct stat *status = &known->status;

    if (!file_replace(temporary, buffer_text(bytes), bytes->length, 0600, err))
        return false;
    if (chown(temporary, status->st_uid, status->st_gid) != 0 ||
        chmod(temporary, status->st_mode & MODE_BITS) != 0) {
        error_set_errno(err, errno, "give '%s' owner and mode of '%s'", temporary, known->path);
        return false;
    }
    if (!nginx_file_load(temporary, ret_new, err))
        return false;
    free(ret_new->path);
    ret_new->path = memory_text(known->path);
    return true;
}

/* The check stands right before the rename: what is between the two could be lost. */
static bool move_over(const char *temporary, const struct nginx_file *known, struct error *err)
{
    return check_unchanged(known, err) && file_rename(temporary, known->path, err);
}

void nginx_edit_done(struct nginx_edit *edit)
{
    for (size_t i = 0; i < edit->count; i++)
        nginx_file_done(&edit->written[i]);
    free(edit->written);
    free(edit->replaced);
    *edit = (struct nginx_edit){0};
}

static void note(struct nginx_edit *edit, size_t file, const struct nginx_file *written)
{
    edit->written = memory_resize(edit->written, edit->count + 1, sizeof(*edit->written));
    edit->replaced = memory_resize(edit->replaced, edit->count + 1, sizeof(*edit->replaced));
    edit->replaced[edit->count] = file;
    edit->written[edit->count++] = *written;
}

static bool write_file(struct nginx_edit *edit, size_t file, const struct nginx_change *changes,
                       size_t count, struct error *err)
{
    const struct nginx_file *known = &edit->tree->files[file];
    FREE_CLEANUP char *temporary = temporary_beside(known->path);
    struct buffer bytes BUFFER_CLEANUP = {0};
    struct nginx_file written;

    buffer_init(&bytes, LIMIT_LB_BYTES);
    bool is_made =
        nginx_mark_apply(known->bytes.data, known->bytes.length, changes, count, &bytes, err) &&
        make_new(temporary, known, &bytes, &written, err);
    if (is_made) {
        note(edit, file, &written);
        if (move_over(temporary, known, err))
            return true;
    }
    unlink(temporary);
    error_hint(err, "whoever runs this must be able to write there, as NGINX's master can");
    error_wrap(err, "edit '%s'", known->path);
    return false;
}

/* One that never got its name is not there to be put back: that is no failure of ours. */
static bool restore_file(const struct nginx_file *written, const struct nginx_file *old,
                         struct error *err)
{
    FREE_CLEANUP char *temporary = temporary_beside(old->path);
    struct nginx_file new;
    bool is_made = make_new(temporary, written, &old->bytes, &new, err);
    bool is_good = is_made && move_over(temporary, written, err);

    if (is_made)
        nginx_file_done(&new);
    if (!is_good)
        unlink(temporary);
    return is_good;
}

bool nginx_edit_restore(struct nginx_edit *edit, struct error *err)
{
    bool is_good = true;

    for (size_t i = edit->count; i-- > 0;) {
        struct error later;
        struct error *reason = is_good ? err : &later;
        if (restore_file(&edit->written[i], &edit->tree->files[edit->replaced[i]], reason))
            continue;
        is_good = false;
    }
    return is_good;
}

bool nginx_edit_write(struct nginx_edit *edit, const struct nginx_tree *tree,
                      const struct nginx_plan *plan, struct error *err)
{
    struct error ignored;
    size_t count;

    *edit = (struct nginx_edit){.tree = tree};
    for (size_t i = 0; i < plan->count; i += count) {
        size_t file = plan->changes[i].file;
        for (count = 1; i + count < plan->count && plan->changes[i + count].file == file;)
            count++;
        if (write_file(edit, file, &plan->changes[i], count, err))
            continue;
        (void)nginx_edit_restore(edit, &ignored);
        return false;
    }
    return true;
}
