/* Packages by what their installers leave: names of .dist-info and .egg-info, conda's records. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/host/path.h"

#include "environment_private.h"

enum { HASH_SHOWN = 8, LINKS_MOST = 1000 };

/* PEP 503: lower case, runs of '-', '_' and '.' as one '-'. */
static struct str normalised(struct arena *arena, struct str name)
{
    struct buf out = buf_in(arena);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (c == '-' || c == '_' || c == '.') {
            if (out.len && out.at[out.len - 1] != '-')
                buf_add_char(&out, '-');
        } else {
            buf_add_char(&out, (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
        }
    }
    return buf_str(&out);
}

static void add(struct arena *arena, struct str name, struct str version,
                struct environment_items *ret)
{
    if (name.len && ret->len < (size_t)LIMIT_PACKAGES)
        *vec_push(arena, ret) = (struct environment_item){normalised(arena, name), version};
}

/* A header of METADATA or PKG-INFO, which end at the first empty line. */
static struct str header(struct str text, const char *name)
{
    struct str line;
    while (str_split(&text, '\n', &line) && str_trim(line).len) {
        ptrdiff_t cut = str_find_char(line, ':');
        if (cut > 0 && str_is(str_slice(line, 0, (size_t)cut), name))
            return str_trim(str_slice(line, (size_t)cut + 1, line.len));
    }
    return (struct str){0};
}

/* What says that it was no plain installation: editable, or from a commit. */
static struct str origin_of(struct arena *arena, struct str info)
{
    struct str path = path_join(arena, info, STR("direct_url.json"));
    struct str text = environment_read(arena, path);
    struct doc *doc = NULL;
    if (!text.len)
        return STR("");
    struct error *error = json_parse_lenient(arena, path, text, &doc);
    bool is_read = !error;
    error_drop(error);
    const struct doc_node *directory = is_read ? doc_find(doc->root, STR("dir_info")) : NULL;
    const struct doc_node *vcs = is_read ? doc_find(doc->root, STR("vcs_info")) : NULL;
    const struct doc_node *editable = directory ? doc_find(directory, STR("editable")) : NULL;
    const struct doc_node *commit = vcs ? doc_find(vcs, STR("commit_id")) : NULL;
    if (editable && editable->kind == DOC_BOOL && editable->truth)
        return STR(" (editable)");
    if (commit)
        return str_print(arena, " (git %.*s)", STR_FMT(str_slice(commit->text, 0, HASH_SHOWN)));
    return STR("");
}

/* NAME-VERSION, or else what the file in it says. */
static void add_info(struct arena *arena, struct str directory, struct str entry, size_t suffix_len,
                     struct environment_items *ret)
{
    bool is_egg = str_ends(entry, STR(".egg-info"));
    struct str path = path_join(arena, directory, entry);
    struct str stem = str_slice(entry, 0, entry.len - suffix_len);
    ptrdiff_t cut = str_find_char(stem, '-');
    struct str name = str_slice(stem, 0, cut < 0 ? stem.len : (size_t)cut), version = {0};
    if (cut > 0)
        version = str_slice(stem, (size_t)cut + 1, stem.len);
    ptrdiff_t python = is_egg ? str_find(version, STR("-py")) : -1;
    if (python > 0)
        version = str_slice(version, 0, (size_t)python);
    if (!version.len || str_find_char(version, '-') >= 0) {
        struct str file = is_egg ? STR("PKG-INFO") : STR("METADATA");
        struct str text = environment_read(arena, path_join(arena, path, file));
        name = header(text, "Name").len ? header(text, "Name") : name;
        version = header(text, "Version");
    }
    if (!is_egg)
        version = str_print(arena, "%.*s%.*s", STR_FMT(version), STR_FMT(origin_of(arena, path)));
    add(arena, name, version, ret);
}

static bool has(const struct str_vec *paths, struct str path)
{
    vec_each (const struct str, known, paths) {
        if (str_equal(*known, path))
            return true;
    }
    return false;
}

/* Directories that a .pth file, or the link of an old editable installation, puts on the path. */
static void add_links(struct arena *arena, struct str directory, struct str entry,
                      struct str_vec *ret)
{
    struct str rest = environment_read(arena, path_join(arena, directory, entry)), line;
    while (str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        bool is_code = str_starts(line, STR("import ")) || str_starts(line, STR("import\t"));
        if (!line.len || line.at[0] == '#' || is_code || str_find_char(line, '\0') >= 0)
            continue;
        struct str path = path_join(arena, directory, line);
        struct file_stat seen = {0};
        bool is_directory = environment_has(arena, path, &seen) && (seen.mode & 0170000) == 0040000;
        if (is_directory && ret->len < (size_t)LINKS_MOST && !has(ret, path))
            *vec_push(arena, ret) = path;
    }
}

void environment_packages_in(struct arena *arena, struct str directory,
                             struct environment_items *ret, struct str_vec *ret_further)
{
    static const char *const suffixes[] = {".dist-info", ".egg-info", ".egg"};
    struct str_vec names = {0};
    environment_list(arena, directory, &names);
    vec_each (const struct str, name, &names) {
        for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
            if (name->at[0] != '~' && str_ends(*name, str_of(suffixes[i])))
                add_info(arena, directory, *name, strlen(suffixes[i]), ret);
        }
        bool is_link = str_ends(*name, STR(".pth")) || str_ends(*name, STR(".egg-link"));
        if (ret_further && is_link)
            add_links(arena, directory, *name, ret_further);
    }
}

/* NAME-VERSION-BUILD.json: the name may hold '-', version and build don't. */
void environment_conda_packages(struct arena *arena, struct str prefix,
                                struct environment_items *ret)
{
    struct str_vec names = {0};
    environment_list(arena, path_join(arena, prefix, STR("conda-meta")), &names);
    vec_each (const struct str, entry, &names) {
        if (!str_ends(*entry, STR(".json")))
            continue;
        struct str stem = str_slice(*entry, 0, entry->len - strlen(".json"));
        ptrdiff_t build = str_find_last_char(stem, '-');
        if (build <= 0)
            continue;
        stem = str_slice(stem, 0, (size_t)build);
        ptrdiff_t version = str_find_last_char(stem, '-');
        if (version > 0)
            add(arena, str_slice(stem, 0, (size_t)version),
                str_slice(stem, (size_t)version + 1, stem.len), ret);
    }
}
