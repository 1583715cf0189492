/* Which packs were read whole and found good: docs/formats.md, "packs.good". */
#include "mlops/base/buf.h"
#include "mlops/host/file.h"

#include "cas_packs_private.h"

#define GOOD_FILE "packs.good"
static const int64_t GOOD_BYTES_MOST = 1048576;

static void print_one(const struct cas_pack *pack, struct buf *out)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(pack_id(pack->pack), hex);
    buf_print(out, "%s %llx %lld %lld\n", hex, (unsigned long long)pack->stat.inode,
              (long long)pack->stat.size_bytes, (long long)pack->stat.mtime_ns);
}

/* What can't be read is as good as none. */
FALLIBLE packs_good_read(struct cas *cas, struct arena *arena, struct str *ret)
{
    bool found = false;
    struct error *error = file_read(arena, cas->cache_fd, GOOD_FILE, GOOD_BYTES_MOST, ret, &found);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    if (error || !found)
        *ret = (struct str){0};
    error_drop(error);
    return NULL;
}

bool packs_good_has(struct str list, const struct cas_pack *pack)
{
    AUTO(buf_drop) struct buf line = {0};
    struct str rest = list, one;
    print_one(pack, &line);
    struct str wanted = str_slice(buf_str(&line), 0, line.len - 1);
    while (str_split(&rest, '\n', &one))
        if (str_equal(one, wanted))
            return true;
    return false;
}

static bool is_large(const struct cas_pack *pack)
{
    return pack_rows(pack->pack)->row_count >= PACK_ROWS_LARGE;
}

bool packs_good_is(const struct cas_packs *packs, struct str list)
{
    for (size_t i = 0; i < packs->now.len; i++)
        if (is_large(packs->now.at[i]) && !packs_good_has(list, packs->now.at[i]))
            return false;
    return true;
}

/* Whoever may not write it reads the packs again. */
void packs_good_write(struct cas *cas)
{
    AUTO(buf_drop) struct buf list = {0};
    if (cas->workspace->is_read_only)
        return;
    for (size_t i = 0; i < cas->packs.now.len; i++)
        if (is_large(cas->packs.now.at[i]))
            print_one(cas->packs.now.at[i], &list);
    error_drop(file_publish(cas->cache_fd, GOOD_FILE, buf_str(&list), 0644, false));
}
