/* Work directories: what .mlops/trial says, and where the project is that they belong to. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>

#include "workspace_private.h"

#define MARKER_NAME "trial"

enum { MARKER_BYTES_MOST = 65536, MARKER_VERSION = 1 };

static struct str text_of(const struct doc_node *root, const char *name)
{
    const struct doc_node *node = root->kind == DOC_MAP ? doc_find(root, str_of(name)) : NULL;
    return node && node->kind == DOC_STR ? node->text : (struct str){0};
}

/* A path may have bytes that JSON can't hold, or that no text should: they are "%0A". */
static void write_path(struct json_writer *json, const char *name, struct str path)
{
    AUTO(buf_drop) struct buf text = {0};
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.at[i];
        if (c <= ' ' || c >= 0x7F || c == '%')
            buf_print(&text, "%%%02X", (unsigned)c);
        else
            buf_add_char(&text, path.at[i]);
    }
    json_name(json, name);
    json_str(json, buf_str(&text));
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* An absolute path; empty: it is none. */
static struct str read_path(struct arena *arena, struct str text)
{
    char *at = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool has_code = text.at[i] == '%' && i + 2 < text.len;
        int high = has_code ? digit_of(text.at[i + 1]) : 0;
        int low = has_code ? digit_of(text.at[i + 2]) : 0;
        if (high < 0 || low < 0 || (text.at[i] == '%' && high + low == 0))
            return (struct str){0};
        at[len++] = has_code ? (char)(high * 16 + low) : text.at[i];
        i += has_code ? 2 : 0;
    }
    at[len] = '\0';
    return len && at[0] == '/' && len <= (size_t)LIMIT_PATH_BYTES ? (struct str){at, len}
                                                                  : (struct str){0};
}

struct error *work_marker_load(struct arena *arena, int state_fd, struct work_marker *ret,
                               bool *ret_found)
{
    struct str bytes = {0};
    struct doc *doc = NULL;
    TRY(file_read(arena, state_fd, MARKER_NAME, MARKER_BYTES_MOST, &bytes, ret_found));
    if (!*ret_found)
        return NULL;
    TRY(json_parse(arena, STR(".mlops/" MARKER_NAME), bytes, &doc));
    const struct doc_node *root = doc->root;
    const struct doc_node *version = root->kind == DOC_MAP ? doc_find(root, STR("version")) : NULL;
    const struct doc_node *kept = root->kind == DOC_MAP ? doc_find(root, STR("kept")) : NULL;
    *ret = (struct work_marker){.name = text_of(root, "name"),
                                .project = read_path(arena, text_of(root, "project")),
                                .cache = read_path(arena, text_of(root, "cache")),
                                .is_kept = kept && kept->kind == DOC_BOOL && kept->truth};
    bool is_ours = version && version->kind == DOC_INT && version->integer == MARKER_VERSION;
    if (!is_ours || !ret->project.len || !ret->cache.len)
        return error_hint(error_new(ERROR_STORED, ".mlops/" MARKER_NAME
                                                  " is damaged, or of another version of mlops"),
                          "this was the work directory of a trial: remove it");
    return NULL;
}

struct error *work_marker_save(int state_fd, const struct work_marker *marker)
{
    AUTO(buf_drop) struct buf out = {0};
    struct json_writer json = {.out = &out, .indent = true};
    json_open_object(&json);
    json_name(&json, "version");
    json_int(&json, MARKER_VERSION);
    json_name(&json, "name");
    json_str(&json, marker->name);
    write_path(&json, "project", marker->project);
    write_path(&json, "cache", marker->cache);
    json_name(&json, "kept");
    json_bool(&json, marker->is_kept);
    json_close_object(&json);
    buf_add_char(&out, '\n');
    return file_publish(state_fd, MARKER_NAME, buf_str(&out), 0644, false);
}

static FALLIBLE open_home(struct workspace *workspace)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int number = open(str_terminate(&scratch, workspace->home), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0)
        return error_hint(error_os(errno,
                                   "cannot open '%.*s', which this work directory of a "
                                   "trial belongs to",
                                   STR_FMT(workspace->home)),
                          "remove the work directory if its project is gone");
    fd_drop(&workspace->home_fd);
    workspace->home_fd = fd_of(number);
    return NULL;
}

/* Where it stands at the project's own path, that hides the project: what is needed of it is bound
 * below .mlops. */
static FALLIBLE find_project(struct arena *arena, struct workspace *workspace,
                             const struct work_marker *marker)
{
    bool is_over = str_equal(marker->project, workspace->root);
    workspace->is_work_dir = true;
    workspace->project = marker->project;
    workspace->home = is_over ? path_join(arena, workspace->state, STR(WORK_HOME))
                              : path_join(arena, marker->project, STR(".mlops"));
    workspace->cache =
        is_over ? path_join(arena, workspace->state, STR(WORK_CACHE)) : marker->cache;
    return open_home(workspace);
}

struct error *workspace_find_home(struct arena *arena, struct workspace *workspace, int state_fd)
{
    struct work_marker marker = {0};
    bool found = false;
    workspace->is_work_dir = false;
    workspace->project = workspace->root;
    workspace->home = workspace->state;
    workspace->cache = (struct str){0};
    fd_drop(&workspace->home_fd);
    if (state_fd < 0)
        return NULL;
    TRY(work_marker_load(arena, state_fd, &marker, &found));
    if (found)
        return find_project(arena, workspace, &marker);
    return directory_open(state_fd, ".", &workspace->home_fd);
}

/* A relative path in the settings starts at the project's root. */
struct str workspace_config_dir(const struct workspace *workspace)
{
    bool is_apart = !str_equal(workspace->project, workspace->root);
    return is_apart ? workspace->home : workspace->state;
}

struct error *workspace_seclude(struct workspace *workspace)
{
    check(workspace->is_work_dir);
    fd_drop(&workspace->home_fd);
    workspace->home = workspace->state;
    workspace->database_dir = workspace->state;
    return directory_open(fd_number(workspace->state_fd), ".", &workspace->home_fd);
}
