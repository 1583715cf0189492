/* One operation of a transport, for tests against real servers:
 *
 *     transport_tool KEY=VALUE... list PREFIX          NAME SIZE a line; "-" for no prefix
 *     transport_tool KEY=VALUE... stat NAME            SIZE MODIFIED, or "absent"
 *     transport_tool KEY=VALUE... get NAME [OFFSET LEN]   the bytes; "absent" on stderr
 *     transport_tool KEY=VALUE... put|replace NAME FILE   "written" or "existed", bytes told
 *     transport_tool KEY=VALUE... remove NAME
 *     transport_tool KEY=VALUE... unfinished -         NAME MODIFIED VERSION a line
 *     transport_tool KEY=VALUE... abandon NAME VERSION
 *
 * Keys are those of struct remote. Exits as mlops would. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/file.h"
#include "mlops/host/signal.h"
#include "mlops/store/transport.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct tool {
    struct arena arena;
    struct remote remote;
    struct transport *transport;
    struct connection *connection;
    int64_t told;
    char **words; /* the operation, then its arguments and NULL */
};

static void tool_drop(struct tool *tool)
{
    connection_drop(&tool->connection);
    transport_drop(&tool->transport);
    arena_drop(&tool->arena);
}

static void set(struct remote *remote, const char *word, const char *value)
{
    const struct key {
        const char *name;
        struct str *text;
        bool *flag;
    } keys[] = {
        {"url", &remote->url, NULL},
        {"ca", &remote->ca, NULL},
        {"insecure", NULL, &remote->is_insecure},
        {"user", &remote->user, NULL},
        {"password_env", &remote->password_env, NULL},
        {"token_env", &remote->token_env, NULL},
        {"endpoint", &remote->endpoint, NULL},
        {"region", &remote->region, NULL},
        {"profile", &remote->profile, NULL},
        {"credential_process", &remote->credential_process, NULL},
        {"ssh_command", &remote->ssh_command, NULL},
        {"foreign", NULL, &remote->has_foreign_names},
    };
    size_t len = (size_t)(value - word) - 1;
    if (strncmp(word, "path_style", len) == 0)
        remote->path_style = strcmp(value, "no") == 0 ? PATH_STYLE_NO : PATH_STYLE_YES;
    if (strncmp(word, "timeout_ms", len) == 0)
        remote->timeout_ns = atoll(value) * 1000000;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (strlen(keys[i].name) != len || strncmp(keys[i].name, word, len) != 0)
            continue;
        if (keys[i].text)
            *keys[i].text = str_of(value);
        else
            *keys[i].flag = true;
    }
}

static FALLIBLE print_item(void *context, const struct transport_item *item)
{
    (void)context;
    printf("%.*s %lld\n", STR_FMT(item->name), (long long)item->size_bytes);
    return NULL;
}

static FALLIBLE list(struct tool *tool)
{
    struct str prefix = strcmp(tool->words[1], "-") == 0 ? STR("") : str_of(tool->words[1]);
    return connection_list(tool->connection, prefix, print_item, NULL);
}

static FALLIBLE show_stat(struct tool *tool)
{
    struct transport_item item;
    bool found = false;
    TRY(connection_stat(tool->connection, str_of(tool->words[1]), &item, &found));
    if (found)
        printf("%lld %lld %.*s\n", (long long)item.size_bytes, (long long)item.modified_ns,
               STR_FMT(item.version));
    else
        printf("absent\n");
    return NULL;
}

static FALLIBLE take(void *context, const char *at, size_t len)
{
    (void)context;
    return file_write(STDOUT_FILENO, at, len, "the output");
}

static FALLIBLE get(struct tool *tool)
{
    struct transport_range range = {0, -1};
    struct transport_sink sink = {take, tool};
    bool found = false;
    if (tool->words[2])
        range = (struct transport_range){atoll(tool->words[2]), atoll(tool->words[3])};
    TRY(connection_read(tool->connection, str_of(tool->words[1]), range, &sink, &found));
    if (!found)
        fprintf(stderr, "absent\n");
    return NULL;
}

static void tell(void *context, int64_t bytes)
{
    struct tool *tool = context;
    tool->told += bytes;
}

static FALLIBLE put(struct tool *tool)
{
    bool existed = false, is_new = strcmp(tool->words[0], "put") == 0;
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat stat;
    TRY(file_open(AT_FDCWD, tool->words[2], &fd));
    TRY(file_stat_fd(fd_number(fd), &stat));
    struct transport_source source = {
        .fd = fd_number(fd), .len = stat.size_bytes, .tell = tell, .context = tool};
    TRY(connection_write(tool->connection, str_of(tool->words[1]), &source,
                         is_new ? WRITE_NEW : WRITE_REPLACE, &existed));
    printf("%s %lld\n", existed ? "existed" : "written", (long long)tool->told);
    return NULL;
}

static FALLIBLE remove_name(struct tool *tool)
{
    return connection_remove(tool->connection, str_of(tool->words[1]));
}

static FALLIBLE print_unfinished(void *context, const struct transport_item *item)
{
    (void)context;
    printf("%.*s %lld %.*s\n", STR_FMT(item->name), (long long)item->modified_ns,
           STR_FMT(item->version));
    return NULL;
}

static FALLIBLE list_unfinished(struct tool *tool)
{
    return connection_list_unfinished(tool->connection, print_unfinished, NULL);
}

static FALLIBLE abandon(struct tool *tool)
{
    struct transport_item item = {.name = str_of(tool->words[1]),
                                  .version = str_of(tool->words[2] ? tool->words[2] : "")};
    return connection_remove_unfinished(tool->connection, &item);
}

static FALLIBLE run(struct tool *tool)
{
    static const struct operation {
        const char *name;
        FALLIBLE (*run)(struct tool *tool);
    } operations[] = {{"list", list},
                      {"stat", show_stat},
                      {"get", get},
                      {"put", put},
                      {"replace", put},
                      {"remove", remove_name},
                      {"unfinished", list_unfinished},
                      {"abandon", abandon}};
    int ignored;
    TRY(signal_open(&ignored));
    TRY(transport_open(&tool->arena, &tool->remote, &tool->transport));
    TRY(transport_connect(tool->transport, &tool->connection));
    for (size_t i = 0; i < COUNT_OF(operations); i++)
        if (strcmp(operations[i].name, tool->words[0]) == 0)
            return operations[i].run(tool);
    return error_new(ERROR_USAGE, "no operation '%s'", tool->words[0]);
}

int main(int count, char **words)
{
    AUTO(tool_drop)
    struct tool tool = {.remote = {.name = STR("origin"), .timeout_ns = 60000000000}};
    int at = 1;
    for (const char *value; at < count && (value = strchr(words[at], '=')); at++)
        set(&tool.remote, words[at], value + 1);
    tool.words = words + at;
    if (count - at < 2) {
        fprintf(stderr, "transport_tool KEY=VALUE... OPERATION NAME [ARGUMENT]...\n");
        return ERROR_USAGE;
    }
    struct error *error = run(&tool);
    int status = error ? error->code : 0;
    if (error) {
        AUTO(buf_drop) struct buf text = {0};
        error_print(error, &text);
        fwrite(text.at, 1, text.len, stderr);
    }
    error_drop(error);
    return status;
}
