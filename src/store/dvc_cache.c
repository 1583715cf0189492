#include "mlops/store/dvc_cache.h"

#include "mlops/base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dvc_cache_private.h"

void dvc_object_path(const struct dvc_object *object, int layout, char ret[static DVC_PATH_BYTES])
{
    char hex[MD5_HEX_LEN + 1];
    bool is_new_layout = object->is_text_md5 == (layout == 1);
    md5_print(object->md5, hex);
    snprintf(ret, DVC_PATH_BYTES, "%s%.2s/%s%s", is_new_layout ? "files/md5/" : "", hex, hex + 2,
             object->is_directory ? ".dir" : "");
}

bool dvc_object_is(const struct dvc_object *object, const struct sums_row *sums)
{
    return md5_equal(object->md5, sums->md5) ||
           (object->is_text_md5 && md5_equal(object->md5, sums->text_md5));
}

struct error *dvc_cache_open(struct arena *arena, struct str path, struct dvc_cache *ret)
{
    struct dvc_cache cache = {.path = str_copy(arena, path)};
    int number = open(cache.path.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0 && errno != ENOENT && errno != ENOTDIR)
        return error_os(errno, "cannot open DVC's cache '%.*s'", STR_FMT(path));
    if (number >= 0)
        cache.fd = fd_of(number);
    *ret = cache;
    return NULL;
}

void dvc_cache_drop(struct dvc_cache *cache)
{
    fd_drop(&cache->fd);
}

/* The first place that has it. */
static FALLIBLE find(const struct dvc_cache *cache, const struct dvc_object *object,
                     char ret_path[static DVC_PATH_BYTES], struct file_stat *ret_stat,
                     bool *ret_found)
{
    *ret_found = false;
    if (!cache->fd.number_plus_one)
        return NULL;
    for (int layout = 0; layout < DVC_LAYOUTS && !*ret_found; layout++) {
        dvc_object_path(object, layout, ret_path);
        TRY(file_stat_at(fd_number(cache->fd), ret_path, true, ret_stat, ret_found));
    }
    return NULL;
}

struct error *dvc_cache_has(const struct dvc_cache *cache, const struct dvc_object *object,
                            int64_t *ret_bytes, bool *ret_found)
{
    char path[DVC_PATH_BYTES];
    struct file_stat stat = {0};
    TRY(find(cache, object, path, &stat, ret_found));
    *ret_bytes = stat.size_bytes;
    return NULL;
}

/* --- taking --- */

/* One object on its way into our store. */
struct taking {
    struct cas *cas;
    int at_fd;
    const char *path;
    struct fd fd;
    struct file_stat before;
    struct cas_put put;
    struct sums_tap tap;
    struct cas_temp temp; /* open: the bytes go there */
    bool is_of_others;
    bool may_link;
    bool is_clone;
    bool is_small; /* goes where small objects go */
};

static void taking_drop(struct taking *taking)
{
    fd_drop(&taking->fd);
    sums_tap_drop(&taking->tap);
    cas_temp_drop(&taking->temp);
}

static void listen_for_sums(void *context, const char *at, size_t len)
{
    struct taking *taking = context;
    if (at)
        sums_tap_add(&taking->tap, at, len);
    else
        sums_tap_restart(&taking->tap);
}

/* A hard link shares the file with whoever has it: only one that is written once, is ours, and has
 * no other name through which a work tree might write. */
static bool may_link(const struct taking *taking)
{
    const struct file_stat *stat = &taking->before;
    struct stat ours, raw;
    bool is_ours = fstat(fd_number(taking->fd), &raw) == 0 && raw.st_uid == geteuid();
    bool is_near =
        fstat(fd_number(taking->cas->tmp_fd), &ours) == 0 && (uint64_t)ours.st_dev == stat->device;
    return taking->cas->workspace->config.link != LINK_COPY && is_ours && is_near &&
           (stat->mode & 07777) == 0444 && stat->links == 1;
}

static FALLIBLE try_clone(struct taking *taking)
{
    struct cas *cas = taking->cas;
    if (taking->is_small || !cas_clones(cas))
        return NULL;
    TRY(cas_temp_open(cas, &taking->temp));
    taking->is_clone = ioctl(fd_number(taking->temp.fd), FICLONE, fd_number(taking->fd)) == 0;
    if (taking->is_clone)
        return NULL;
    if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL || errno == ENOSYS)
        __atomic_store_n(&cas->has_no_reflink, true, __ATOMIC_RELAXED);
    return NULL;
}

static FALLIBLE read_object(struct taking *taking, char *buffer)
{
    struct cas_progress progress = {.listen = listen_for_sums, .context = taking};
    int64_t bytes = 0;
    bool has_sink = taking->temp.fd.number_plus_one && !taking->is_clone;
    struct cas_reading reading = {.fd = fd_number(taking->is_clone ? taking->temp.fd : taking->fd),
                                  .name = taking->path,
                                  .buffer = buffer,
                                  .sink_fd = has_sink ? fd_number(taking->temp.fd) : -1,
                                  .is_sink_synced = taking->cas->is_durable,
                                  .cas = taking->cas,
                                  .size_bytes = taking->before.size_bytes,
                                  .progress = &progress};
    TRY(cas_read(&reading, &taking->put.digest, &bytes));
    return file_stat_fd(fd_number(taking->fd), &taking->put.stat);
}

static FALLIBLE keep(struct taking *taking, struct dvc_taken *taken)
{
    bool is_known = false;
    TRY(cas_is_known(taking->cas, taking->put.digest, &is_known));
    if (is_known)
        return NULL;
    taken->is_new = true;
    taken->is_linked = taking->is_clone || taking->may_link;
    if (taking->temp.fd.number_plus_one)
        return cas_temp_keep(&taking->temp, taking->put.digest, taking->before.size_bytes);
    bool done = false;
    if (taking->may_link)
        TRY(cas_adopt(taking->cas, taking->at_fd, taking->path, &taking->put, &done));
    if (done)
        return NULL;
    taken->is_linked = false;
    return cas_put_file(taking->cas, taking->at_fd, taking->path, NULL, &taking->put);
}

static FALLIBLE take(struct taking *taking, const struct dvc_object *object,
                     struct dvc_taken *taken)
{
    AUTO(cas_buffer_drop) struct cas_buffer buffer = cas_buffer_take(taking->cas);
    TRY(file_open(taking->at_fd, taking->path, &taking->fd));
    TRY(file_stat_fd(fd_number(taking->fd), &taking->before));
    TRY(cas_begin_put(taking->cas));
    taking->is_small = cas_is_small(taking->cas, taking->before.size_bytes);
    TRY(try_clone(taking));
    taking->may_link = !taking->is_clone && may_link(taking);
    taking->may_link = taking->may_link && !taking->is_of_others;
    if (taking->may_link)
        cas_temp_drop(&taking->temp);
    else if (!taking->temp.fd.number_plus_one && !taking->is_small)
        TRY(cas_temp_open(taking->cas, &taking->temp));
    TRY(read_object(taking, buffer.at));
    taken->sums =
        (struct sums_row){.digest = taking->put.digest, .size_bytes = taking->before.size_bytes};
    sums_tap_finish(&taking->tap, &taken->sums);
    bool is_good =
        cas_stat_equal(&taking->before, &taking->put.stat) && dvc_object_is(object, &taken->sums);
    taken->health = is_good ? DVC_GOOD : DVC_DAMAGED;
    return is_good ? keep(taking, taken) : NULL;
}

struct error *dvc_cache_take(const struct dvc_cache *cache, struct cas *cas,
                             const struct dvc_object *object, struct dvc_taken *ret)
{
    char path[DVC_PATH_BYTES];
    struct file_stat stat;
    bool found = false;
    struct dvc_taken taken = {.health = DVC_MISSING};
    TRY(find(cache, object, path, &stat, &found));
    if (found) {
        AUTO(taking_drop)
        struct taking taking = {.cas = cas,
                                .at_fd = fd_number(cache->fd),
                                .path = path,
                                .is_of_others = cache->is_of_others};
        TRY_WITHIN(take(&taking, object, &taken), "DVC's cache '%.*s'", STR_FMT(cache->path));
    }
    *ret = taken;
    return NULL;
}

struct error *dvc_cache_sum(const struct dvc_cache *cache, const struct dvc_object *object,
                            struct dvc_taken *ret)
{
    char path[DVC_PATH_BYTES];
    struct file_stat stat;
    bool found = false;
    AUTO(taking_drop) struct taking taking = {0};
    struct dvc_taken taken = {.health = DVC_MISSING};
    TRY(find(cache, object, path, &stat, &found));
    if (found) {
        int64_t bytes = 0;
        AUTO(arena_drop) struct arena scratch = {0};
        char *buffer = arena_alloc(&scratch, CAS_BUFFER_BYTES);
        struct cas_progress progress = {.listen = listen_for_sums, .context = &taking};
        TRY(file_open(fd_number(cache->fd), path, &taking.fd));
        struct cas_reading reading = {.fd = fd_number(taking.fd),
                                      .name = path,
                                      .buffer = buffer,
                                      .sink_fd = -1,
                                      .progress = &progress};
        TRY(cas_read(&reading, &taken.sums.digest, &bytes));
        taken.sums.size_bytes = bytes;
        sums_tap_finish(&taking.tap, &taken.sums);
        taken.health = dvc_object_is(object, &taken.sums) ? DVC_GOOD : DVC_DAMAGED;
    }
    *ret = taken;
    return NULL;
}
