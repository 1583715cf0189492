/* What the parts of page share. */
#pragma once

#include "mlops/cli/page.h"

/* The class of the style that a tone has, or "". */
const char *page_tone_class(enum tone tone);
