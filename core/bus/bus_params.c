/* Parameters of a request. */
#include <stdio.h>

#include "core/bus/bus.h"

const json_t *bus_param(const json_t *params, const char *name, size_t index)
{
	return json_is_array(params) ? json_array_get(params, index) : json_object_get(params, name);
}

const char *bus_param_text(const json_t *params, const char *name, size_t index, char room[32])
{
	const json_t *v = bus_param(params, name, index);

	if (!json_is_integer(v))
		return json_string_value(v);
	(void)snprintf(room, 32, "%lld", (long long)json_integer_value(v));
	return room;
}
