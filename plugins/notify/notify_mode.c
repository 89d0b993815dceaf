#include "plugins/notify/notify_mode.h"

#include <stddef.h>

const char *notify_mode_parse(unsigned *out, const char *text)
{
	unsigned mode = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '7' && p - text < 5; p++)
		mode = mode * 8 + (unsigned)(*p - '0');
	if (p == text || *p || mode > 0777)
		return "an octal mode from \"0600\" to \"0777\"";
	if (out)
		*out = mode;
	return NULL;
}
