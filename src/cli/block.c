#include "mlops/cli/block.h"

#include "mlops/host/terminal.h"

#include <unistd.h>

void block_erase(struct buf *out, int *lines)
{
    if (!*lines)
        return;
    AUTO(buf_drop) struct buf erased = {0};
    buf_print(&erased, "\x1b[%dA\r\x1b[J", *lines);
    buf_add_str(&erased, buf_str(out));
    buf_clear(out);
    buf_add_str(out, buf_str(&erased));
    *lines = 0;
}

void block_add(struct buf *out, int *lines, struct str line)
{
    AUTO(buf_drop) struct buf escaped = {0};
    buf_add_escaped(&escaped, line, false);
    buf_add_str(out, text_fit(buf_str(&escaped), terminal_columns(STDERR_FILENO) - 1));
    buf_add_char(out, '\n');
    ++*lines;
}
