/* From ssh://USER@HOST:PORT/PATH to the command that leads there. */
#include <unistd.h>

#include "transport_ssh_private.h"

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* %20 and the like. False if there is something that can't be meant. */
static bool decode(struct arena *arena, struct str text, struct str *ret)
{
    struct buf out = buf_in(arena);
    buf_add_text(&out, "");
    for (size_t i = 0; i < text.len; i++) {
        int c = (unsigned char)text.at[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_of(text.at[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_of(text.at[i + 2]) : -1;
            c = high < 0 || low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        if (c < ' ' || c == 0x7f)
            return false;
        buf_add_char(&out, (char)c);
    }
    *ret = buf_str(&out);
    return true;
}

/* What ssh would take for an option, or what is no name of a host or a user. */
static const char *word_fault(struct str word)
{
    if (word.len && word.at[0] == '-')
        return "begins with '-'";
    for (size_t i = 0; i < word.len; i++)
        if (word.at[i] <= ' ' || word.at[i] == 0x7f || word.at[i] == '/')
            return "holds what no host or user is called";
    return NULL;
}

static FALLIBLE check_word(struct str word, const char *what)
{
    const char *fault = word_fault(word);
    return fault ? error_new(ERROR_PROJECT, "the %s '%.*s' %s", what, STR_FMT(word), fault) : NULL;
}

static FALLIBLE check_port(struct str port)
{
    int number = 0;
    bool is_fine = port.len < 6;
    for (size_t i = 0; i < port.len && is_fine; i++) {
        is_fine = port.at[i] >= '0' && port.at[i] <= '9';
        number = number * 10 + (port.at[i] - '0');
    }
    if (is_fine && (!port.len || (number > 0 && number < 65536)))
        return NULL;
    return error_new(ERROR_PROJECT, "'%.*s' is no port", STR_FMT(port));
}

/* HOST, HOST:PORT or [ADDRESS]:PORT. */
static void split_port(struct str text, struct ssh_place *place)
{
    ptrdiff_t bracket = text.len && text.at[0] == '[' ? str_find_char(text, ']') : -1;
    struct str behind = text;
    if (bracket > 0) {
        place->host = str_slice(text, 1, (size_t)bracket);
        behind = str_slice(text, (size_t)bracket + 1, text.len);
    }
    ptrdiff_t colon = str_find_char(behind, ':');
    if (colon >= 0)
        place->port = str_slice(behind, (size_t)colon + 1, behind.len);
    if (bracket <= 0)
        place->host = str_slice(behind, 0, colon < 0 ? behind.len : (size_t)colon);
}

static FALLIBLE split_host(struct arena *arena, struct str text, struct ssh_place *place)
{
    ptrdiff_t at = str_find_last_char(text, '@');
    if (!decode(arena, str_slice(text, 0, at < 0 ? 0 : (size_t)at), &place->user))
        return error_new(ERROR_PROJECT, "the user of the URL can't be read");
    split_port(str_slice(text, (size_t)(at + 1), text.len), place);
    TRY(check_word(place->user, "user"));
    TRY(check_word(place->host, "host"));
    TRY(check_port(place->port));
    return place->host.len ? NULL : error_new(ERROR_PROJECT, "the URL names no host");
}

/* /~/x is x below the home directory, where servers start. */
static FALLIBLE split_path(struct arena *arena, struct str text, struct ssh_place *place)
{
    struct str path;
    if (!decode(arena, text, &path))
        return error_new(ERROR_PROJECT, "the path of the URL can't be read");
    if (str_is(path, "/~") || str_starts(path, STR("/~/")))
        path = str_slice(path, 3, path.len);
    else if (!path.len)
        return error_hint(
            error_new(ERROR_PROJECT, "the URL names no directory"),
            "ssh://HOST/DIRECTORY, or ssh://HOST/~/DIRECTORY below the home directory");
    while (path.len > 1 && path.at[path.len - 1] == '/')
        path.len--;
    place->root = path.len ? str_copy(arena, path) : STR(".");
    return NULL;
}

struct error *ssh_place_parse(struct arena *arena, struct str url, struct ssh_place *ret)
{
    struct str rest = transport_rest(url);
    ptrdiff_t slash = str_find_char(rest, '/');
    size_t host_len = slash < 0 ? rest.len : (size_t)slash;
    TRY(split_host(arena, str_slice(rest, 0, host_len), ret));
    TRY(split_path(arena, str_slice(rest, host_len, rest.len), ret));
    ret->target = str_print(arena, "%.*s%s%.*s", STR_FMT(ret->user), ret->user.len ? "@" : "",
                            STR_FMT(ret->host))
                      .at;
    return NULL;
}

static size_t add_words(struct ssh_place *place, size_t count, const char *const *words)
{
    for (; *words; words++)
        place->argv[count++] = *words;
    return count;
}

/* The setting is a command as a shell reads it, like git's core.sshCommand; it never comes from a
 * file that is cloned. What the user's configuration forwards is no business of ours. */
void ssh_place_command(struct arena *arena, const struct remote *remote, struct ssh_place *place)
{
    static const char *const options[] = {"-oForwardX11=no", "-oForwardAgent=no",
                                          "-oPermitLocalCommand=no", "-oClearAllForwardings=yes",
                                          NULL};
    size_t count = 0;
    if (remote->ssh_command.len) {
        count = add_words(place, count, (const char *[]){"/bin/sh", "-c", NULL});
        place->argv[count++] =
            str_print(arena, "exec %.*s \"$@\"", STR_FMT(remote->ssh_command)).at;
    }
    place->argv[count++] = "ssh";
    place->asks = isatty(STDIN_FILENO);
    if (!place->asks)
        place->argv[count++] = "-oBatchMode=yes";
    count = add_words(place, count, options);
    if (place->port.len)
        count = add_words(place, count,
                          (const char *[]){"-p", str_terminate(arena, place->port), NULL});
    if (place->user.len)
        count = add_words(place, count,
                          (const char *[]){"-l", str_terminate(arena, place->user), NULL});
    if (remote->key_file.len)
        count = add_words(place, count,
                          (const char *[]){"-i", str_terminate(arena, remote->key_file), NULL});
    count =
        add_words(place, count,
                  (const char *[]){"-s", "--", str_terminate(arena, place->host), "sftp", NULL});
    place->argv[count] = NULL;
}
