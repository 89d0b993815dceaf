/**
 * @file conf_number.h  An integer of the configuration as its file has it. Private to core/base.
 *
 * libconfig reads a number that has no L into 32 bits and drops the rest without a word: 4294967356 becomes 60. The
 * file knows better.
 */
#pragma once

#include <libconfig.h>
#include <stddef.h>

/** Room for a number as text; one that is longer is cut, which is a wrong number still. */
#define CONF_NUMBER_TEXT 64

/**
 * The decimal text of an integer setting in out[size]: as written when the file, opened again, tells, else of the value that
 * libconfig made of it. Returns out.
 */
const char *conf_number_text(const config_setting_t *s, char *out, size_t size);
