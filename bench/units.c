/* The pool of units, and how their Call-IDs lead back to them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load.h"

static int unit_buffers(struct unit *unit)
{
	unit->request = malloc(LINK_MESSAGE);
	unit->reply = malloc(LINK_MESSAGE);
	unit->dialog = malloc(LOAD_DIALOG);
	return unit->request != NULL && unit->reply != NULL && unit->dialog != NULL ? 0 : -ENOMEM;
}

int units_make(struct load *load, uint32_t count)
{
	uint32_t i;

	load->units = calloc(count, sizeof(*load->units));
	load->idle = calloc(count, sizeof(struct unit *));
	if (load->units == NULL || load->idle == NULL)
		return -ENOMEM;
	load->unit_count = count;
	for (i = count; i-- > 0;) {
		struct unit *unit = &load->units[i];

		unit->index = i;
		unit->alarm.fire = uac_alarm;
		unit->uas_alarm.fire = uas_alarm;
		unit->next = load->free;
		load->free = unit;
	}
	return 0;
}

void units_free(struct load *load)
{
	uint32_t i;

	for (i = 0; load->units != NULL && i < load->unit_count; i++) {
		free(load->units[i].request);
		free(load->units[i].reply);
		free(load->units[i].dialog);
	}
	free(load->units);
	free(load->idle);
}

/* The one used last is taken first: its memory is still in the cache. */
struct unit *unit_take(struct load *load)
{
	struct unit *unit = load->free;

	if (unit == NULL || (unit->request == NULL && unit_buffers(unit) != 0))
		return NULL;
	load->free = unit->next;
	unit->generation++;
	unit->counted = load->measuring;
	unit->cseq = 0;
	unit->uas_cseq = 0;
	unit->routes.len = 0;
	return unit;
}

void unit_give(struct load *load, struct unit *unit)
{
	alarms_stop(&unit->alarm);
	alarms_stop(&unit->uas_alarm);
	unit->step = STEP_FREE;
	unit->next = load->free;
	load->free = unit;
}

static bool read_hex(const char **p, const char *end, char stop, uint32_t *out)
{
	uint32_t value = 0;

	for (; *p < end && **p != stop; (*p)++) {
		char c = **p;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	*out = value;
	return *p < end && *(*p)++ == stop;
}

struct unit *unit_find(struct load *load, struct slice call_id)
{
	const char *p = call_id.p, *end = p + call_id.len;
	size_t run_len = strlen(load->run);
	uint32_t index, generation = 0;
	struct unit *unit;
	char kind;

	if (call_id.len < 4)
		return NULL;
	kind = *p++;
	if (kind != 'r' && kind != 'c')
		return NULL;
	if (!read_hex(&p, end, kind == 'c' ? '.' : '-', &index) || (kind == 'c' && !read_hex(&p, end, '-', &generation)))
		return NULL;
	if ((size_t)(end - p) < run_len || memcmp(p, load->run, run_len) != 0)
		return NULL;
	if (kind == 'r')
		return index < load->options.phones ? load->phones[index].unit : NULL;
	if (index >= load->unit_count)
		return NULL;
	unit = &load->units[index];
	return unit->step != STEP_FREE && unit->generation == generation ? unit : NULL;
}

void unit_idle(struct load *load, struct unit *unit)
{
	unit->step = STEP_IDLE;
	alarms_stop(&unit->alarm);
	load->idle[(load->idle_first + load->idle_count) % load->unit_count] = unit;
	load->idle_count++;
}

struct unit *unit_next_idle(struct load *load)
{
	struct unit *unit;

	if (load->idle_count == 0)
		return NULL;
	unit = load->idle[load->idle_first];
	load->idle_first = (load->idle_first + 1) % load->unit_count;
	load->idle_count--;
	return unit;
}
