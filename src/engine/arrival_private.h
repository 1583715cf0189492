/* Between the files of module arrival. Flow: arrival.c spreads the files over workers;
 * arrival_file.c fetches one; arrival_part.c keeps what a large one has so far; arrival_known.c
 * knows what need not be fetched. */
#pragma once

#include "mlops/engine/arrival.h"

/* Below this a file is fetched into memory, and again from its start if that fails. */
enum { ARRIVAL_SMALL_BYTES = 4194304 };

/* A file on its way. */
struct arriving {
    struct upstream_file *file;
    struct digest digest; /* once it is here */
    int64_t size_bytes;
    bool is_here;
    bool is_executable;
};

/* One command's fetching; shared by its workers. */
struct taking {
    const struct arrival *arrival;
    struct upstream *upstream;
    struct arriving *files;
    size_t count;
    size_t next; /* to be taken by a worker; atomic */
    int64_t total_bytes;
    /* Atomic: */
    int64_t done_bytes, fetched_bytes, fetched_files, continued_bytes;
    int64_t told_ns;
    bool is_telling;
    bool has_failed;
};

/* Of bytes that arrived (or, negative, have to arrive again). Safe from workers. */
void arrival_tell(struct taking *taking, int64_t bytes);

/* Fetches one file into the store. `connection` NULL: it lies on this machine. */
FALLIBLE arrival_fetch(struct taking *taking, struct connection *connection,
                       struct arriving *arriving);

/* The same of a large one, or of one whose size is not known: by way of a file in the cache's
 * incoming/. */
FALLIBLE arrival_fetch_part(struct taking *taking, struct connection *connection,
                            struct arriving *arriving);

/* Parts that nobody has asked for in a week are removed. */
FALLIBLE arrival_sweep(const struct workspace *workspace);

/* Files of a directory whose version was fetched before and whose bytes the store has, are here. */
FALLIBLE arrival_recall(struct taking *taking);
void arrival_remember(const struct taking *taking);
