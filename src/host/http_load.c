#include <dlfcn.h>
#include <pthread.h>

#include "http_private.h"

static struct curl table;
static bool is_loaded;

static const struct symbol {
    const char *name;
    size_t at; /* where in the table */
} symbols[] = {
#define CURL_SYMBOL(name) {"curl_" #name, offsetof(struct curl, name)},
    CURL_FUNCTIONS(CURL_SYMBOL)
#undef CURL_SYMBOL
};

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
    void *library = dlopen(CURL_SONAME, RTLD_LAZY | RTLD_LOCAL);
    is_loaded = library && find_symbols(library) && table.global_init(CURL_GLOBAL_DEFAULT) == 0;
}

const struct curl *http_curl(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return is_loaded ? &table : NULL;
}

bool http_is_available(void)
{
    return http_curl() != NULL;
}
