/* What every fuzz target defines; libFuzzer's interface. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
