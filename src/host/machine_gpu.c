#include "mlops/base/arena.h"
#include "mlops/base/vec.h"
#include "mlops/host/file.h"
#include "mlops/host/machine.h"
#include "mlops/host/process.h"
#include "mlops/host/walk.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "machine_private.h"

VEC(str_vec, struct str);

enum { INFORMATION_BYTES = 65536 };

static void add_unique(struct arena *arena, struct str_vec *list, struct str item)
{
    vec_each (struct str, each, list) {
        if (str_equal(*each, item))
            return;
    }
    if (item.len)
        *vec_push(arena, list) = str_copy(arena, item);
}

static void add_parts(struct arena *arena, struct str_vec *list, struct str text, char separator)
{
    struct str part = {0};
    while (str_split(&text, separator, &part))
        add_unique(arena, list, str_trim(part));
}

/* The UUID in one "information" file; empty if it is unknown, told as "GPU-????????-...". */
static struct str driver_uuid(struct arena *arena, int gpus_fd, const char *gpu)
{
    struct str text = {0}, line = {0}, key = {0};
    bool is_found = false;
    const char *path = str_print(arena, "%s/information", gpu).at;
    error_drop(file_read(arena, gpus_fd, path, INFORMATION_BYTES, &text, &is_found));
    while (str_split(&text, '\n', &line))
        if (str_split(&line, ':', &key) && str_is(str_trim(key), "GPU UUID"))
            return str_find_char(line, '?') < 0 ? str_trim(line) : (struct str){0};
    return (struct str){0};
}

/* One directory for each GPU, named by its place on the bus; false if any UUID is not known. */
static bool ask_driver(struct arena *arena, int root_fd, struct str_vec *gpus)
{
    struct walk_list list = {0};
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    AUTO(fd_drop) struct fd fd = fd_of(openat(root_fd, "proc/driver/nvidia/gpus", flags));
    if (fd_number(fd) < 0)
        return false;
    struct error *error = walk_list(arena, fd_number(fd), true, &list);
    error_drop(error);
    for (size_t i = 0; !error && i < list.count; i++) {
        struct str uuid = driver_uuid(arena, fd_number(fd), list.entries[i].name.at);
        if (!uuid.len)
            return false;
        add_unique(arena, gpus, uuid);
    }
    return !error && gpus->len > 0;
}

/* Starting it takes a second on some machines, so only where a driver is and did not tell. */
static void ask_tool(struct arena *arena, int root_fd, struct str_vec *gpus)
{
    static const char *const argv[] = {"nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader",
                                       NULL};
    struct str output = {0};
    int exit_code = -1;
    *gpus = (struct str_vec){0};
    bool has_driver = faccessat(root_fd, "dev/nvidiactl", F_OK, 0) == 0 ||
                      faccessat(root_fd, "dev/dxg", F_OK, 0) == 0; /* WSL */
    if (!has_driver)
        return;
    /* A tool that is missing or fails means: no GPU that we could name. */
    error_drop(process_capture(arena, argv, INFORMATION_BYTES, &output, &exit_code));
    if (exit_code == 0)
        add_parts(arena, gpus, output, '\n');
}

/* The GPU that an item of CUDA_VISIBLE_DEVICES means: an index in the order of the bus, or the
 * beginning of a UUID. MIG devices are kept as they are written. */
static struct str visible_gpu(const struct str_vec *gpus, struct str item)
{
    if (str_starts(item, STR("MIG-")))
        return item;
    bool is_index = item.len > 0 && item.len < 4;
    for (size_t i = 0; i < item.len; i++)
        is_index = is_index && isdigit((unsigned char)item.at[i]);
    if (is_index) {
        size_t index = 0;
        for (size_t i = 0; i < item.len; i++)
            index = index * 10 + (size_t)(item.at[i] - '0');
        return index < gpus->len ? gpus->at[index] : (struct str){0};
    }
    vec_each (struct str, gpu, gpus) {
        if (item.len && str_starts(*gpu, item))
            return *gpu;
    }
    return (struct str){0};
}

/* CUDA Programming Guide, "CUDA Environment Variables": what follows an invalid item is invisible;
 * an empty value hides all. */
static struct str_vec only_visible(struct arena *arena, const struct str_vec *gpus,
                                   const char *text)
{
    struct str_vec visible = {0};
    struct str rest = str_of(text), item = {0};
    while (str_split(&rest, ',', &item)) {
        struct str gpu = visible_gpu(gpus, str_trim(item));
        if (!gpu.len)
            break;
        add_unique(arena, &visible, gpu);
    }
    return visible;
}

void machine_gpus_read(struct arena *arena, int root_fd, const char *given, const char *visible,
                       struct str **ret_uuids, size_t *ret_count)
{
    struct str_vec gpus = {0};
    if (given)
        add_parts(arena, &gpus, str_of(given), ',');
    else if (!visible || *visible) {
        if (!ask_driver(arena, root_fd, &gpus))
            ask_tool(arena, root_fd, &gpus);
        if (visible)
            gpus = only_visible(arena, &gpus, visible);
    }
    *ret_uuids = gpus.at;
    *ret_count = gpus.len;
}

struct error *machine_gpus(struct arena *arena, struct str **ret_uuids, size_t *ret_count)
{
    AUTO(fd_drop) struct fd root = {0};
    TRY(directory_open(AT_FDCWD, "/", &root));
    machine_gpus_read(arena, fd_number(root), getenv("MLOPS_GPUS"), getenv("CUDA_VISIBLE_DEVICES"),
                      ret_uuids, ret_count);
    return NULL;
}
