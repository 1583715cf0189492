/* What the fast way through CSV is compiled with: twice, for every x86-64 and for those that have
 * wider registers and count bits, chosen when it runs. */
#pragma once

#include "table_private.h"

#if defined(__x86_64__)

/* A body that both compilations share. */
#define INLINE static inline __attribute__((always_inline))
#define WIDE __attribute__((target("avx2,bmi,bmi2,popcnt")))

#endif
