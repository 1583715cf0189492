#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dvc_cache_private.h"

/* A file on its way into DVC's cache: it gets its name when it is whole. */
struct giving {
    const struct dvc_cache *cache;
    char path[DVC_PATH_BYTES];
    char temp[DVC_PATH_BYTES + 16]; /* "": there is none */
};

static void giving_drop(struct giving *giving)
{
    if (giving->temp[0])
        unlinkat(fd_number(giving->cache->fd), giving->temp, 0);
}

static FALLIBLE giving_open(const struct dvc_cache *cache, const struct dvc_object *object,
                            struct giving *ret)
{
    *ret = (struct giving){.cache = cache};
    dvc_object_path(object, object->is_text_md5, ret->path); /* always as 3.x has it */
    AUTO(arena_drop) struct arena scratch = {0};
    struct str directory = str_slice(str_of(ret->path), 0, strlen("files/md5/ab"));
    TRY(directory_make(fd_number(cache->fd), str_terminate(&scratch, directory), false));
    snprintf(ret->temp, sizeof ret->temp, "%s.%d.mlops", ret->path, (int)getpid());
    return NULL;
}

static FALLIBLE finish(struct giving *giving)
{
    bool existed = false;
    int cache_fd = fd_number(giving->cache->fd);
    TRY(file_rename_new(cache_fd, giving->temp, cache_fd, giving->path, &existed));
    if (!existed)
        giving->temp[0] = '\0';
    return NULL;
}

static FALLIBLE copy_object(struct giving *giving, int from_fd)
{
    enum copy_method method;
    int cache_fd = fd_number(giving->cache->fd);
    AUTO(fd_drop)
    struct fd fd = fd_of(
        openat(cache_fd, giving->temp, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600));
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot write to DVC's cache '%.*s'", STR_FMT(giving->cache->path));
    TRY(file_copy(from_fd, fd_number(fd), giving->path, signal_check, &method));
    if (fchmod(fd_number(fd), 0444) != 0)
        return error_os(errno, "cannot set the mode of '%s'", giving->path);
    return file_sync(fd_number(fd), giving->path);
}

/* Both sides write an object once and never again, so they may share its file. */
static bool share_object(struct giving *giving, struct cas *cas, struct digest digest)
{
    char path[CAS_PATH_BYTES];
    cas_path(digest, path);
    return cas->workspace->config.link != LINK_COPY &&
           linkat(cas->cache_fd, path, fd_number(giving->cache->fd), giving->temp, 0) == 0;
}

struct error *dvc_cache_give(const struct dvc_cache *cache, struct cas *cas, struct digest digest,
                             const struct dvc_object *object, bool *ret_done)
{
    AUTO(giving_drop) struct giving giving = {0};
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat stat;
    int64_t bytes = 0;
    TRY(dvc_cache_has(cache, object, &bytes, ret_done));
    if (*ret_done)
        return NULL;
    TRY(cas_open_object(cas, digest, &fd, &stat, ret_done));
    if (!*ret_done)
        return NULL;
    TRY(giving_open(cache, object, &giving));
    if (!share_object(&giving, cas, digest))
        TRY(copy_object(&giving, fd_number(fd)));
    return finish(&giving);
}

struct error *dvc_cache_give_manifest(const struct dvc_cache *cache, struct str bytes,
                                      struct md5 md5)
{
    struct dvc_object object = {.md5 = md5, .is_directory = true};
    struct giving giving = {0};
    int64_t size = 0;
    bool found = false;
    TRY(dvc_cache_has(cache, &object, &size, &found));
    if (found)
        return NULL;
    TRY(giving_open(cache, &object, &giving));
    return file_publish(fd_number(cache->fd), giving.path, bytes, 0444, true);
}

/* --- sums of our own objects --- */

static void listen_for_sums(void *context, const char *at, size_t len)
{
    if (at)
        sums_tap_add(context, at, len);
    else
        sums_tap_restart(context);
}

struct error *dvc_cache_sum_object(struct cas *cas, struct digest digest, struct sums *sums,
                                   bool *ret_found)
{
    AUTO(fd_drop) struct fd fd = {0};
    AUTO(sums_tap_drop) struct sums_tap tap = {0};
    AUTO(cas_buffer_drop) struct cas_buffer buffer = cas_buffer_take(cas);
    struct file_stat stat;
    struct digest read_digest;
    int64_t bytes = 0;
    TRY(cas_open_object(cas, digest, &fd, &stat, ret_found));
    if (!*ret_found)
        return NULL;
    struct cas_progress progress = {.listen = listen_for_sums, .context = &tap};
    struct cas_reading reading = {.fd = fd_number(fd),
                                  .name = "an object",
                                  .buffer = buffer.at,
                                  .sink_fd = -1,
                                  .progress = &progress};
    TRY(cas_read(&reading, &read_digest, &bytes));
    struct sums_row row = {.digest = digest, .size_bytes = bytes};
    sums_tap_finish(&tap, &row);
    *ret_found = digest_equal(read_digest, digest);
    if (*ret_found)
        sums_add(sums, &row);
    return NULL;
}
