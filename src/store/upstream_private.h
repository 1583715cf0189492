/* Between the files of module upstream. */
#pragma once

#include "mlops/store/upstream.h"

/* What is wrong with settings made of a typed URL is a mistake of the command line. */
FALLIBLE error_as_usage(struct error *error);
