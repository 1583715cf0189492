#include <dlfcn.h>
#include <pthread.h>

#include "vcs_private.h"

static struct git2 table;
static bool is_loaded;

static const struct symbol {
    const char *name;
    size_t at; /* where in the table */
} symbols[] = {
#define GIT2_SYMBOL(name) {"git_" #name, offsetof(struct git2, name)},
    GIT2_FUNCTIONS(GIT2_SYMBOL)
#undef GIT2_SYMBOL
};

/* Extensions of the repository format that change nothing for a reader of what we read: settings of
 * one work tree, objects that are fetched on demand, objects that must not be pruned. */
static const char *extensions_allowed[] = {"worktreeconfig", "partialclone", "preciousobjects"};

static bool find_symbols(void *library)
{
    for (size_t i = 0; i < COUNT_OF(symbols); i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (!symbol)
            return false;
        /* POSIX lets a function's address be kept in a void *; ISO C has no cast for it. */
        memcpy((char *)&table + symbols[i].at, &symbol, sizeof symbol);
    }
    return true;
}

/* The library stays loaded until the process ends: nothing is gained by unloading it. */
static void load(void)
{
    void *library = dlopen(GIT2_SONAME, RTLD_LAZY | RTLD_LOCAL);
    if (!library || !find_symbols(library) || table.libgit2_init() < 0)
        return;
    /* Never read the settings of a repository that somebody else could have written. */
    table.libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 1);
    table.libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions_allowed, COUNT_OF(extensions_allowed));
    is_loaded = true;
}

const struct git2 *git2(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return is_loaded ? &table : NULL;
}

bool vcs_is_available(void)
{
    return git2() != NULL;
}
