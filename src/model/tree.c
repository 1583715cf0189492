#include "mlops/model/tree.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include "stored_private.h"

#define TREE_TAG STR("mlops.tree.1")

/* The least an entry can take: its list, kind, size, digest and name. */
enum { ENTRY_BYTES_LEAST = 2 + 3 + 9 + 33 + 2 };

static const char KIND_LETTERS[] = {
    [TREE_FILE] = 'f',
    [TREE_EXECUTABLE] = 'x',
    [TREE_SYMLINK] = 'l',
    [TREE_DIRECTORY] = 'd',
};

int tree_entry_compare(const void *a, const void *b)
{
    const struct tree_entry *left = a, *right = b;
    return str_compare(left->name, right->name);
}

/* Names that cannot be a spelling of .git or .mlops, which is nearly all. */
static bool is_plain(struct str name)
{
    if (strchr(".gGmM", name.at[0]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.at[i] >= 0x80 || name.at[i] == '\\')
            return false;
    return true;
}

/* path_fault() also minds control characters, which are no matter here. */
static const char *spelling_fault(struct str name)
{
    char spelled[256];
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.at[i];
        bool is_c1 = c == 0xC2 && i + 1 < name.len && (unsigned char)name.at[i + 1] < 0xA0;
        spelled[i] = c < 0x20 || c == 0x7F || is_c1 ? '_' : name.at[i];
    }
    return path_fault((struct str){spelled, name.len});
}

const char *tree_name_fault(struct str name)
{
    if (!name.len)
        return "is empty";
    if (name.len > (size_t)LIMIT_PATH_PART_BYTES)
        return "is longer than 255 bytes";
    if (memchr(name.at, '/', name.len) || memchr(name.at, '\0', name.len))
        return "holds '/' or NUL";
    return is_plain(name) ? NULL : spelling_fault(name);
}

static void entry_encode(const struct tree_entry *entry, struct buf *out)
{
    bool is_directory = entry->kind == TREE_DIRECTORY;
    canon_list(out, is_directory ? 5 : 4);
    canon_str(out, (struct str){&KIND_LETTERS[entry->kind], 1});
    canon_int(out, entry->size_bytes);
    canon_digest(out, entry->digest);
    canon_str(out, entry->name);
    if (is_directory)
        canon_int(out, entry->file_count);
}

void tree_encode(const struct tree *tree, struct buf *out)
{
    canon_str(out, TREE_TAG);
    canon_list(out, tree->count);
    for (size_t i = 0; i < tree->count; i++) {
        check(i == 0 || tree_entry_compare(&tree->entries[i - 1], &tree->entries[i]) < 0);
        entry_encode(&tree->entries[i], out);
    }
}

static FALLIBLE kind_decode(struct canon_reader *reader, enum tree_kind *ret)
{
    struct str letter = {0};
    TRY(canon_read_str(reader, &letter));
    const char *found =
        letter.len == 1 ? memchr(KIND_LETTERS, letter.at[0], sizeof KIND_LETTERS) : NULL;
    if (!found)
        return stored_damaged("an entry of unknown kind");
    *ret = (enum tree_kind)(found - KIND_LETTERS);
    return NULL;
}

static FALLIBLE entry_decode(struct canon_reader *reader, struct tree_entry *ret)
{
    struct tree_entry entry = {.file_count = 1};
    size_t items = 0;
    TRY(canon_read_list(reader, &items));
    TRY(kind_decode(reader, &entry.kind));
    if (items != (entry.kind == TREE_DIRECTORY ? 5 : 4))
        return stored_damaged("an entry of %zu items", items);
    TRY(stored_amount(reader, &entry.size_bytes));
    TRY(canon_read_digest(reader, &entry.digest));
    TRY(canon_read_str(reader, &entry.name));
    const char *fault = tree_name_fault(entry.name);
    if (fault)
        return stored_damaged("name '%.*s' %s", STR_FMT(str_slice(entry.name, 0, 255)), fault);
    if (entry.kind == TREE_DIRECTORY)
        TRY(stored_amount(reader, &entry.file_count));
    *ret = entry;
    return NULL;
}

static FALLIBLE entries_decode(struct arena *arena, struct canon_reader *reader, struct tree *ret)
{
    struct tree tree = {0};
    TRY(canon_expect_tag(reader, TREE_TAG));
    TRY(stored_list(reader, ENTRY_BYTES_LEAST, &tree.count));
    if (tree.count > (size_t)LIMIT_TREE_ENTRIES)
        return stored_damaged("%zu entries, above the limit", tree.count);
    tree.entries = arena_new_array(arena, struct tree_entry, tree.count);
    for (size_t i = 0; i < tree.count; i++) {
        TRY(entry_decode(reader, &tree.entries[i]));
        if (i && tree_entry_compare(&tree.entries[i - 1], &tree.entries[i]) >= 0)
            return stored_damaged("names are not in ascending order");
    }
    TRY(canon_expect_end(reader));
    *ret = tree;
    return NULL;
}

FALLIBLE tree_decode(struct arena *arena, struct str bytes, struct tree *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    TRY_WITHIN(entries_decode(arena, &reader, ret), "a tree object cannot be read");
    return NULL;
}
