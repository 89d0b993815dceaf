/**
 * @file reference.h  The reference of everything this daemon knows, printed from its tables: `pinholed -R`.
 */
#pragma once

#include <stdio.h>

/**
 * Markdown to out: the keys of the configuration, then for each plugin in dirs (folders separated by ':') its parameters, script functions,
 * counters and commands, and the core's own functions. 0, or a negative errno when a plugin cannot be loaded (said on stderr).
 */
int reference_print(FILE *out, const char *dirs);
