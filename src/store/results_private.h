/* Shared by the files of module results, and made by workspace. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/vec.h"
#include "mlops/store/results.h"

VEC(results_path_vec, const char *);

/* Files put and not yet synced, and the directories that got a new entry, relative to the cache. */
struct results_batch {
    struct arena arena;
    struct results_path_vec files, directories;
};

void results_batch_drop(struct results_batch *batch);

/* "PROJECT/AB/KEY" below res/. */
struct str results_directory(struct arena *arena, struct str project, struct digest key);

/* One file of a key's directory. */
struct result_file {
    struct str path; /* relative to the cache */
    int64_t number;
    struct digest id;
};

VEC(result_file_vec, struct result_file);

/* A result is bounded by the limits of recipe, outputs and metrics, far below this. */
static const int64_t RESULT_BYTES_MOST __attribute__((unused)) = 268435456;

/* Adds the result files of a directory below the cache; an absent one holds none. */
FALLIBLE results_list(struct arena *arena, int cache_fd, struct str directory,
                      struct result_file_vec *files);

/* Digest in the name of a result file; false if it is none. */
bool results_name_parse(struct str name, int64_t *ret_number, struct digest *ret);
