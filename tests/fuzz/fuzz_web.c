/* What servers answer: whatever the bytes, they are refused or read to names, without more memory
 * than a small multiple of them. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/codec/profiles.h"

#include "../../src/store/transport_s3_private.h"
#include "replay.h"

/* An element of 7 bytes becomes a node of 48 and its name. */
enum { GROWTH_MOST = 64, BYTES_LEAST = 65536 };

static void try_dav(struct arena *arena, struct str bytes)
{
    struct dav_listing listing = {.arena = arena, .root = STR("/r"), .directory = STR("pack/")};
    error_drop(dav_listing_parse(&listing, bytes));
    vec_each (struct transport_item, item, &listing.items)
        check(str_starts(item->name, STR("pack/")) && item->size_bytes >= -1);
    vec_each (struct str, name, &listing.directories)
        check(str_starts(*name, STR("pack/")) && name->at[name->len - 1] == '/');
}

static void try_page(struct arena *arena, struct str bytes)
{
    struct web_item_vec items = {0};
    struct str next = {0};
    error_drop(s3_page_parse(arena, bytes, STR("p/"), &items, &next));
    vec_each (struct transport_item, item, &items)
        check(item->name.len && item->name.at[item->name.len - 1] != '/');
}

static void try_uploads(struct arena *arena, struct str bytes)
{
    struct str id = {0};
    struct web_item_vec items = {0};
    struct s3_marker next = {0};
    error_drop(s3_uploads_parse(arena, bytes, STR("p/x"), &id));
    error_drop(s3_unfinished_parse(arena, bytes, STR("p/"), &items, &next));
}

static void try_parts(struct arena *arena, struct str bytes)
{
    struct s3_part_vec parts = {0};
    int64_t next = 0;
    error_drop(s3_parts_parse(arena, bytes, &parts, &next));
}

static void try_error(struct arena *arena, struct str bytes)
{
    struct s3_error told = s3_error_parse(arena, bytes);
    check(told.code.len <= bytes.len && told.message.len <= bytes.len);
}

static void try_profiles(struct arena *arena, struct str bytes)
{
    struct profile_vec profiles = {0};
    error_drop(profiles_parse(arena, STR("config"), bytes, true, &profiles));
    vec_each (struct profile_entry, entry, &profiles)
        check(profiles_have(&profiles, entry->profile));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct arena *, struct str) = {
        try_dav, try_page, try_uploads, try_parts, try_error, try_profiles,
    };
    struct str bytes = {(const char *)data, size};
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        AUTO(arena_drop) struct arena arena = {0};
        readers[i](&arena, bytes);
        check(arena.used_bytes <= BYTES_LEAST + size * GROWTH_MOST);
    }
    return 0;
}
