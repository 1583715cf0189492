/* What the fuzz targets of tables share: bytes as a file that is read in several ways. */
#pragma once

#include "mlops/base/check.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/tables.h"

/* Cells lie in the text of their batch. */
static inline struct error *fuzz_check_batch(void *context, size_t worker, size_t slot,
                                             const struct record_batch *batch)
{
    (void)context;
    (void)worker;
    (void)slot;
    for (size_t i = 0; i < batch->record_count * batch->column_count; i++) {
        const struct raw_cell *cell = &batch->cells[i];
        unsigned char all = 0;
        for (size_t at = 0; at < cell->len; at++)
            all |= (unsigned char)batch->text[cell->at + at];
        check(all < 0x80 || !batch->is_ascii);
        check(str_is_utf8(raw_text(batch, cell)));
    }
    return NULL;
}

static inline void fuzz_check(int fd, const char *path, const struct table_options *options)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(table_drop) struct table_reader *table = NULL;
    struct table_visitor visitor = {.visit = fuzz_check_batch};
    struct error *error = table_open(&arena, fd, str_of(path), options, &table);
    if (!error)
        error = table_scan(table, &visitor);
    check(!error || error->code == ERROR_PROJECT);
    error_drop(error);
}

static inline void fuzz_table(const struct dialect *dialect, const char *name, struct str bytes,
                              int64_t batch_bytes)
{
    AUTO(buf_drop) struct buf one = {0};
    AUTO(buf_drop) struct buf other = {0};
    char path[64];
    int fd = memfd_create(name, MFD_CLOEXEC);
    check(fd >= 0);
    check(write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct table_options options = {.dialect = *dialect, .threads = 1, .is_scalar = true};
    fuzz_check(fd, path, &options);
    dump_table(fd, path, &options, &one);
    options.is_scalar = false;
    dump_table(fd, path, &options, &other);
    check(str_equal(buf_str(&one), buf_str(&other)));
    buf_clear(&other);
    options.is_narrow = true;
    options.batch_bytes = batch_bytes;
    dump_table(fd, path, &options, &other);
    check(str_equal(buf_str(&one), buf_str(&other)));
    close(fd);
}
