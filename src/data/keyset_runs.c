#include "mlops/base/check.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "keyset_private.h"

static FALLIBLE open_named(struct keyset *set)
{
    struct str name = str_print(&set->arena, "%.*s/mlops-keys-XXXXXX", STR_FMT(set->directory));
    int fd = mkostemp((char *)(uintptr_t)name.at, O_CLOEXEC);
    if (fd < 0)
        return error_hint(
            error_os(errno, "cannot make a temporary file in '%.*s'", STR_FMT(set->directory)),
            "set TMPDIR to a directory with room");
    set->file = fd_of(fd);
    if (unlink(name.at) < 0)
        return error_os(errno, "cannot remove '%.*s'", STR_FMT(name));
    return NULL;
}

static FALLIBLE open_file(struct keyset *set)
{
    if (fd_number(set->file) >= 0)
        return NULL;
    int fd = open(set->directory.at, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return open_named(set);
    set->file = fd_of(fd);
    return NULL;
}

static FALLIBLE append(struct keyset *set, const struct key_entry *entries, size_t count)
{
    struct error *error =
        file_write(fd_number(set->file), entries, count * sizeof *entries, set->directory.at);
    if (error)
        return error_hint(error_within(error, "cannot keep keys that do not fit into memory"),
                          "set TMPDIR to a directory with room");
    set->file_bytes += (int64_t)(count * sizeof *entries);
    return NULL;
}

FALLIBLE key_runs_add(struct keyset *set)
{
    struct key_run run = {set->file_bytes, set->len};
    if (!set->len)
        return NULL;
    TRY(open_file(set));
    key_entries_sort(set->entries, set->len);
    TRY(append(set, set->entries, set->len));
    *vec_push(&set->arena, &set->runs) = run;
    set->len = 0;
    return NULL;
}

/* What is in `out` goes to the file when it is full, or at the end. */
static FALLIBLE merge_into(struct keyset *set, struct key_cursor *cursor, struct key_entry *out)
{
    size_t len = 0;
    for (const struct key_entry *entry; (entry = key_cursor_peek(cursor));) {
        out[len++] = *entry;
        TRY(key_cursor_step(cursor));
        if (len == set->block_entries) {
            TRY(append(set, out, len));
            len = 0;
        }
    }
    return append(set, out, len);
}

static void free_entries(struct key_entry **entries)
{
    free(*entries);
}

static FALLIBLE merge_first(struct keyset *set, size_t count)
{
    AUTO(key_cursor_drop) struct key_cursor cursor = {0};
    AUTO(free_entries)
    struct key_entry *out = memory_grow(NULL, set->block_entries * sizeof *out);
    struct key_run run = {.at = set->file_bytes};
    for (size_t i = 0; i < count; i++)
        run.count += set->runs.at[i].count;
    TRY(key_cursor_open(set, set->runs.at, count, &cursor));
    TRY(merge_into(set, &cursor, out));
    for (size_t i = 0; i < count; i++) /* a file system that cannot keeps the room until the end */
        (void)fallocate(fd_number(set->file), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        set->runs.at[i].at,
                        (int64_t)(set->runs.at[i].count * sizeof(struct key_entry)));
    set->runs.len -= count;
    memmove(set->runs.at, set->runs.at + count, set->runs.len * sizeof *set->runs.at);
    *vec_push(&set->arena, &set->runs) = run;
    return NULL;
}

FALLIBLE key_runs_reduce(struct keyset *set)
{
    while (set->runs.len > set->fan_in)
        TRY(merge_first(set, MIN_OF(set->fan_in, set->runs.len - set->fan_in + 1)));
    return NULL;
}

static FALLIBLE read_block(const struct keyset *set, struct key_source *source)
{
    size_t count = (size_t)MIN_OF(source->rest.count, (uint64_t)set->block_entries);
    size_t wanted = count * sizeof *source->block, have = 0;
    while (have < wanted) {
        ssize_t got = pread(fd_number(set->file), (char *)source->block + have, wanted - have,
                            source->rest.at + (int64_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_os(got < 0 ? errno : EIO, "cannot read keys back from '%.*s'",
                            STR_FMT(set->directory));
        have += (size_t)got;
    }
    source->next = source->block;
    source->end = source->block + count;
    source->rest.at += (int64_t)wanted;
    source->rest.count -= count;
    return NULL;
}

static void sink(struct key_cursor *cursor, size_t at)
{
    struct key_source *heap = cursor->heap, held = heap[at];
    for (size_t child; (child = 2 * at + 1) < cursor->len; at = child) {
        if (child + 1 < cursor->len && key_entry_is_less(heap[child + 1].next, heap[child].next))
            child++;
        if (!key_entry_is_less(heap[child].next, held.next))
            break;
        heap[at] = heap[child];
    }
    heap[at] = held;
}

FALLIBLE key_cursor_open(struct keyset *set, const struct key_run *runs, size_t count,
                         struct key_cursor *ret)
{
    *ret = (struct key_cursor){.set = set};
    ret->heap = memory_grow(NULL, (count + 1) * sizeof *ret->heap);
    for (size_t i = 0; i < count; i++) {
        struct key_entry *block = memory_grow(NULL, set->block_entries * sizeof *block);
        ret->heap[ret->opened++] = (struct key_source){.rest = runs[i], .block = block};
        TRY(read_block(set, &ret->heap[i]));
        ret->len++;
    }
    for (size_t i = ret->len / 2; i-- > 0;)
        sink(ret, i);
    return NULL;
}

FALLIBLE key_cursor_start(struct keyset *set, struct key_cursor *ret)
{
    check(set->is_finished);
    TRY(key_cursor_open(set, set->runs.at, set->runs.len, ret));
    if (set->len) {
        ret->heap[0] = (struct key_source){.next = set->entries, .end = set->entries + set->len};
        ret->len = ret->opened = 1;
    }
    return NULL;
}

void key_cursor_drop(struct key_cursor *cursor)
{
    for (size_t i = 0; i < cursor->opened; i++)
        free(cursor->heap[i].block);
    free(cursor->heap);
    *cursor = (struct key_cursor){0};
}

FALLIBLE key_cursor_step(struct key_cursor *cursor)
{
    struct key_source *least = &cursor->heap[0];
    least->next++;
    if (least->next == least->end && least->rest.count)
        TRY(read_block(cursor->set, least));
    if (least->next == least->end) {
        struct key_source ended = *least; /* stays behind the others for key_cursor_drop */
        cursor->heap[0] = cursor->heap[--cursor->len];
        cursor->heap[cursor->len] = ended;
    }
    if (cursor->len > 1)
        sink(cursor, 0);
    return NULL;
}
