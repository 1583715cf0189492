#include "mlops/base/limits.h"

#include <sys/stat.h>

#include "transport_ssh_private.h"

/* Names of ours have at most five parts. */
enum { LIST_DEPTH = 8 };

/* A listing is told when it is whole: one that breaks off is begun again. */
struct listing {
    bool is_foreign;
    struct arena arena;
    struct str prefix;
    VEC(item_vec, struct transport_item) items;
};

static bool enters(void *context, struct str path)
{
    const struct listing *listing = context;
    int depth = 0;
    for (size_t i = 0; i < path.len; i++) {
        bool begins = i == 0 || path.at[i - 1] == '/';
        if (begins && path.at[i] == '.' && !listing->is_foreign)
            return false;
        depth += begins;
    }
    return depth <= (listing->is_foreign ? (int)LIMIT_TREE_DEPTH : LIST_DEPTH);
}

/* Without a mode it is taken for a file; reading it will tell. */
static FALLIBLE collect(void *context, struct str path, const struct sftp_stat *stat)
{
    struct listing *listing = context;
    bool is_file = !stat->has_mode || S_ISREG(stat->mode);
    if (!is_file && !listing->is_foreign)
        return NULL;
    struct transport_item *item = vec_push(&listing->arena, &listing->items);
    item->name = str_print(&listing->arena, "%.*s%.*s", STR_FMT(listing->prefix), STR_FMT(path));
    item->size_bytes = is_file && stat->has_size ? stat->size_bytes : -1;
    item->modified_ns = stat->modified_ns;
    return NULL;
}

static FALLIBLE visit_all(const struct listing *listing,
                          FALLIBLE (*visit)(void *context, const struct transport_item *item),
                          void *context)
{
    vec_each (const struct transport_item, item, &listing->items)
        TRY(visit(context, item));
    return NULL;
}

static void listing_drop(struct listing *listing)
{
    arena_drop(&listing->arena);
}

struct error *ssh_list(struct connection *connection, struct str prefix,
                       struct error *(*visit)(void *context, const struct transport_item *item),
                       void *context)
{
    AUTO(listing_drop)
    struct listing listing = {.is_foreign = connection->transport->remote->has_foreign_names,
                              .prefix = prefix};
    AUTO(buf_drop)
    struct buf root = ssh_path(connection, str_slice(prefix, 0, prefix.len ? prefix.len - 1 : 0));
    struct sftp_walk walk = {
        .root = root.at, .enters = enters, .visit = collect, .context = &listing};
    struct sftp *sftp = NULL;
    enum sftp_answer answer;
    TRY(ssh_conversation(connection, &sftp));
    TRY(sftp_walk(sftp, &walk, &answer));
    if (answer != SFTP_DONE && answer != SFTP_ABSENT)
        return sftp_error(sftp, answer, "list", root.at);
    return visit_all(&listing, visit, context);
}
