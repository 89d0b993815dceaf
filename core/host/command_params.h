/**
 * @file command_params.h  Do the parameters of a command fit what its table says? (struct ph_mi_cmd's params: "url enable", "source [level]")
 *
 * Pure; any thread.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

/**
 * params: an array by position, an object by name, NULL: none. 0, or -EINVAL with *why written: too many or too few (the guide's text), a name
 * that is none of the table's, a value that is an array or an object. What the values mean is the command's own business.
 */
int command_params_check(const char *table, const json_t *params, char *why, size_t size);
