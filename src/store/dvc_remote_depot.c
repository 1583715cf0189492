/* An open remote of DVC's, and the threads that work on it. */
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include "dvc_remote_private.h"

enum { TELL_MS = 100 };

FALLIBLE dvc_depot_open(struct arena *arena, const struct dvc_depot_options *options,
                        struct dvc_depot **ret)
{
    AUTO(dvc_depot_drop) struct dvc_depot *depot = arena_new(arena, struct dvc_depot);
    *depot = (struct dvc_depot){.options = *options};
    const struct remote *remote = options->remote;
    bool is_directory =
        str_find(remote->url, STR("://")) < 0 || str_starts(remote->url, STR("file://"));
    TRY(transport_open(arena, remote, &depot->transport));
    struct str path = remote->url;
    if (str_starts(path, STR("file://")))
        path = str_slice(path, strlen("file://"), path.len);
    if (is_directory)
        TRY_WITHIN(dvc_cache_open(arena, path, &depot->directory), "DVC's remote '%.*s'",
                   STR_FMT(remote->name));
    depot->directory.is_of_others = true;
    if (is_directory && !depot->directory.fd.number_plus_one)
        return error_hint(error_new(ERROR_MACHINE,
                                    "DVC's remote '%.*s': there is no directory '%.*s'",
                                    STR_FMT(remote->name), STR_FMT(path)),
                          "mount it, or see 'dvc remote list'");
    *ret = depot;
    depot = NULL;
    return NULL;
}

void dvc_depot_drop(struct dvc_depot **depot)
{
    if (*depot) {
        dvc_cache_drop(&(*depot)->directory);
        transport_drop(&(*depot)->transport);
    }
    *depot = NULL;
}

struct dvc_depot_counts dvc_depot_counts(const struct dvc_depot *depot)
{
    return (struct dvc_depot_counts){.sent_bytes = (int64_t)atomic_load(&depot->sent_bytes),
                                     .received_bytes =
                                         (int64_t)atomic_load(&depot->received_bytes)};
}

void dvc_depot_tell(struct dvc_depot *depot, int64_t bytes)
{
    int64_t done = __atomic_add_fetch(&depot->done_bytes, bytes, __ATOMIC_RELAXED);
    if (!depot->options.observer || atomic_exchange(&depot->is_telling, true))
        return;
    int64_t now = clock_monotonic_ns();
    if (now - depot->told_ns >= TELL_MS * NS_PER_MS) {
        struct event event = {.kind = EVENT_TRANSFER,
                              .at_ns = now,
                              .done_bytes = done,
                              .total_bytes = MAX_OF(depot->total_bytes, done)};
        depot->told_ns = now;
        observer_tell(depot->options.observer, &event);
    }
    atomic_store(&depot->is_telling, false);
}

/* --- the crew --- */

static FALLIBLE work_on(struct dvc_crew *crew, struct connection *connection)
{
    while (!__atomic_load_n(&crew->has_failed, __ATOMIC_RELAXED)) {
        size_t at = __atomic_fetch_add(&crew->next, 1, __ATOMIC_RELAXED);
        if (at >= crew->count)
            return NULL;
        TRY(signal_check());
        TRY(crew->work(crew->context, connection, at));
    }
    return NULL;
}

static FALLIBLE work(void *context, size_t index)
{
    struct dvc_crew *crew = context;
    struct connection *connection = NULL;
    (void)index;
    struct error *error = NULL;
    if (crew->connects || !crew->depot->directory.fd.number_plus_one)
        error = transport_connect(crew->depot->transport, &connection);
    if (!error)
        error = work_on(crew, connection);
    connection_drop(&connection);
    if (error)
        __atomic_store_n(&crew->has_failed, true, __ATOMIC_RELAXED);
    return error;
}

FALLIBLE dvc_depot_work(struct dvc_crew *crew)
{
    struct dvc_depot *depot = crew->depot;
    bool is_directory = depot->directory.fd.number_plus_one;
    int wanted = depot->options.connections ? depot->options.connections
                                            : transport_connections(depot->transport);
    size_t workers = MIN_OF((size_t)MAX_OF(wanted, 1), crew->count);
    AUTO(pool_drop) struct pool *pool = NULL;
    if (!crew->count)
        return NULL;
    if (workers > 1)
        pool = pool_open(is_directory ? -1 : (int)workers - 1);
    return pool ? pool_run(pool, workers, work, crew, NULL) : work(crew, 0);
}
