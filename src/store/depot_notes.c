/* What is known of packs beside their indexes: which gc is about to remove, which are damaged. */
#include "mlops/base/limits.h"
#include "mlops/host/file.h"

#include "depot_private.h"

/* --- packs that verify found damaged --- */

FALLIBLE depot_read_damaged(struct depot *depot, struct arena *arena, struct map *ret_ids)
{
    struct str text = {0}, line = {0};
    bool found = false;
    if (fd_number(depot->known_fd) < 0)
        return NULL;
    TRY(file_read(arena, fd_number(depot->known_fd), "damaged", DEPOT_LIST_BYTES, &text, &found));
    while (found && str_split(&text, '\n', &line))
        if (line.len == DIGEST_HEX_LEN)
            map_put(arena, ret_ids, line, depot);
    return NULL;
}

FALLIBLE depot_write_damaged(struct depot *depot, const struct map *ids)
{
    AUTO(buf_drop) struct buf text = {0};
    if (fd_number(depot->known_fd) < 0)
        return NULL;
    buf_add_text(&text, "");
    map_each (item, ids)
        buf_print(&text, "%.*s\n", STR_FMT(item->key));
    return file_publish(fd_number(depot->known_fd), "damaged", buf_str(&text), 0644, false);
}

/* --- packs that gc is about to remove --- */

static FALLIBLE visit_note(void *context, const struct transport_item *item)
{
    struct depot *depot = context;
    *vec_push(&depot->memory, &depot->gc_notes) = (struct gc_note){
        .name = str_copy(&depot->memory, item->name), .modified_ns = item->modified_ns};
    return NULL;
}

/* One that is gone by now was done with: so are its packs. */
static FALLIBLE read_note(struct depot *depot, struct gc_note *note, int64_t *ids_left)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str text = {0}, line = {0};
    struct id_vec ids = {0};
    bool found = false;
    TRY(depot_get_file(depot, &scratch, note->name, DEPOT_LIST_BYTES, &text, &found));
    while (found && str_split(&text, '\n', &line)) {
        struct digest id;
        if (!digest_parse(line, &id))
            continue;
        if (--*ids_left < 0)
            return error_new(ERROR_STORED, "its notes of packs to be removed name too many");
        *vec_push(&depot->memory, &ids) = id;
        map_put(&depot->memory, &depot->avoided, str_copy(&depot->memory, line), depot);
    }
    note->ids = ids.at;
    note->id_count = ids.len;
    return NULL;
}

FALLIBLE depot_read_notes(struct depot *depot)
{
    if (!transport_can_list(depot->transport))
        return NULL;
    int64_t ids_left = LIMIT_REMOTE_NAMES;
    TRY(depot_list(depot, STR("gc/"), visit_note, depot));
    vec_each (struct gc_note, note, &depot->gc_notes)
        TRY(read_note(depot, note, &ids_left));
    return NULL;
}

struct str depot_pack_name(struct arena *arena, struct digest id)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(id, hex);
    return str_print(arena, "pack/%s", hex);
}
