/* Invariants that stay in release builds: a broken one is a bug in mlops, never a user's mistake.
 */
#pragma once

/* Prints the broken condition and ends the process with status 70 (see docs, "Exit status"). */
__attribute__((noreturn)) void check_failed(const char *condition, const char *file, int line);

#define check(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))
