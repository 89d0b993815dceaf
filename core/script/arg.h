/**
 * @file arg.h  How texts become arguments, at load and at run time alike. Private to core/script.
 */
#pragma once

#include "core/script/program.h"
#include "core/script/script.h"

/** A number, or names joined by commas. 0; -EINVAL and *bad: what is neither. */
int arg_flags(const struct ph_flag_name *names, struct slice text, int64_t *out,
	struct slice *bad);
/** "failure_route" and its like. False: not a kind that can be armed. */
bool arg_route_kind(const char *keyword, enum script_block_kind *out);
