#include "mlops/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The one exception to "library floors never print and never exit": going on would risk data. */
void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "mlops: bug: %s:%d: '%s' does not hold; please report this\n", file, line,
            condition);
    fflush(stderr);
    _exit(70);
}
