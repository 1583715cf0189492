/* The program: one command, its answer on stdout, one error on stderr, one exit status. */
#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/progress.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* A descriptor 0, 1 or 2 that is closed would be taken by the next file we open. It is opened the
 * wrong way round, so that using it fails as if it were closed. */
static void hold_standard_descriptors(void)
{
    static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd < (int)COUNT_OF(modes); fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
            _exit(ERROR_MACHINE);
    }
}

/* Prints an error and gives its exit status. A reader of our output that went away (`| head`) is
 * told by the status alone, as the shell does for programs that SIGPIPE ends. */
static int finish_error(struct error *error)
{
    AUTO(buf_drop) struct buf text = {0};
    int code = error->code;
    if (error->system_errno == EPIPE) {
        error_drop(error);
        return ERROR_SIGNAL + SIGPIPE;
    }
    error_print(error, &text);
    error_drop(error);
    /* Best effort: without stderr only the status is left to tell. */
    error_drop(file_write(STDERR_FILENO, text.at, text.len, "standard error"));
    return code;
}

static struct str join_arguments(struct arena *arena, int argc, const struct str *argv)
{
    struct buf text = buf_in(arena);
    for (int i = 0; i < argc; i++) {
        buf_add_text(&text, i ? " " : "");
        buf_add_str(&text, argv[i]);
    }
    return buf_str(&text);
}

int main(int argc, char **argv)
{
    hold_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(context_drop) struct context context = {.arena = &arena};
    struct progress progress = {.context = &context};
    context.observer = progress_observer(&progress);
    int count = MAX_OF(argc - 1, 0);
    struct str *words = arena_new_array(&arena, struct str, (size_t)count);
    for (int i = 0; i < count; i++)
        words[i] = str_of(argv[i + 1]);
    context.program = str_of(argc ? argv[0] : "mlops");
    context.arguments = join_arguments(&arena, count, words);
    struct error *error = command_run(&context, count, words);
    progress_clear(&progress);
    struct error *unwritten = context_flush(&context);
    if (!error) {
        error = unwritten;
        unwritten = NULL;
    }
    error_drop(unwritten);
    return error ? finish_error(error) : context.status;
}
