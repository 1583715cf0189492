#include "mlops/host/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal_private.h"

enum { COLUMNS_LEAST = 40, COLUMNS_USUAL = 80, COLUMNS_MOST = 10000 };

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

/* Many a service of continuous integration gives its jobs a terminal that nobody looks at. */
static bool is_for_a_log(void)
{
    return is_set("CI") && strcmp(getenv("CI"), "false") != 0 && strcmp(getenv("CI"), "0") != 0;
}

bool terminal_is_live(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && !is_for_a_log() && term && *term && strcmp(term, "dumb") != 0;
}

/* no-color.org and bixense.com/clicolors: the wish for none is asked first. */
bool terminal_has_colour(int fd)
{
    if (is_set("NO_COLOR"))
        return false;
    if (is_set("CLICOLOR_FORCE") && strcmp(getenv("CLICOLOR_FORCE"), "0") != 0)
        return true;
    return terminal_is_live(fd);
}

int terminal_columns(int fd)
{
    struct winsize size = {0};
    const char *given = getenv("COLUMNS");
    long columns = given ? strtol(given, NULL, 10) : 0;
    if (columns <= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0)
        columns = size.ws_col;
    if (columns <= 0)
        columns = COLUMNS_USUAL;
    return (int)MIN_OF(MAX_OF(columns, (long)COLUMNS_LEAST), (long)COLUMNS_MOST);
}

/* The character at the beginning of text: bytes it takes, columns it shows. A malformed byte is
 * shown as U+FFFD. */
static size_t next_character(struct str text, int *ret_columns)
{
    uint32_t code = 0;
    unsigned char first = (unsigned char)text.at[0];
    *ret_columns = 1;
    if (first < 0x80) {
        *ret_columns = first >= 0x20 && first != 0x7F;
        return 1;
    }
    size_t used = utf8_decode(text.at, text.len, &code);
    if (used)
        *ret_columns = character_columns(code);
    return used ? used : 1;
}

struct str text_fit(struct str text, int columns)
{
    size_t at = 0;
    int left = columns;
    while (at < text.len) {
        int width = 0;
        size_t used = next_character(str_slice(text, at, text.len), &width);
        if (width > left)
            break;
        left -= width;
        at += used;
    }
    return str_slice(text, 0, at);
}

int text_columns(struct str text)
{
    int columns = 0;
    for (size_t at = 0; at < text.len;) {
        int width = 0;
        at += next_character(str_slice(text, at, text.len), &width);
        columns += width;
    }
    return columns;
}
