/* Shared by the modules that stat. */
#pragma once

#include "mlops/host/file.h"

#include <sys/stat.h>

static inline int64_t file_time_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static inline struct file_stat file_stat_of(const struct stat *seen)
{
    return (struct file_stat){
        .device = seen->st_dev,
        .inode = seen->st_ino,
        .size_bytes = seen->st_size,
        .mtime_ns = file_time_ns(seen->st_mtim),
        .ctime_ns = file_time_ns(seen->st_ctim),
        .mode = seen->st_mode,
        .links = (uint32_t)seen->st_nlink,
    };
}

/* A name that nobody else uses: ".mlops-" and 16 random hex digits. */
enum { FILE_TEMP_NAME_BYTES = 24 };
void file_temp_name(char ret_name[static FILE_TEMP_NAME_BYTES]);

/* Directory part of a path (heap; "." if there is none) and the last part. */
struct buf file_parent(const char *path, const char **ret_name);
