/* What variables ask of the run: pv.h. */
#include <errno.h>

#include "core/script/run.h"

struct script_value run_slot(const struct script_run *r, unsigned slot)
{
	if (r->vars->set[slot])
		return r->vars->slots[slot];
	if (r->prog->dialect == SCRIPT_KAMAILIO)
		return value_of_int(0);
	return (struct script_value){.type = SCRIPT_NULL};
}

/* A text that a variable keeps may borrow from something that is edited later. */
static int keep(
	struct script_run *r, struct script_value *to, const struct script_value *v)
{
	struct script_value copy = *v;

	if (v->type == SCRIPT_TEXT) {
		copy.s = arena_dup(r->msg->arena, v->s);
		if (copy.s.p == NULL)
			return -ENOMEM;
	}
	*to = copy;
	return 0;
}

int run_slot_set(struct script_run *r, unsigned slot, const struct script_value *v)
{
	int err = keep(r, &r->vars->slots[slot], v);

	if (err == 0)
		r->vars->set[slot] = true;
	return err;
}

static struct run_var *find(const struct script_run *r, struct slice name)
{
	for (struct run_var *v = r->vars->others; v != NULL; v = v->next)
		if (slice_eq(v->name, name))
			return v;
	return NULL;
}

int run_var_get(struct ph_msg *msg, struct slice name, struct script_value *out)
{
	struct script_value v = {.type = SCRIPT_NULL};
	const struct run_var *other;
	int slot;

	if (msg->run == NULL)
		return -ENOENT;
	slot = program_var(msg->run->prog, name);
	other = slot < 0 ? find(msg->run, name) : NULL;
	if (slot >= 0)
		v = run_slot(msg->run, (unsigned)slot);
	else if (other != NULL)
		v = other->value;
	else if (msg->run->prog->dialect == SCRIPT_KAMAILIO)
		v = value_of_int(0);
	*out = v;
	return v.type == SCRIPT_NULL ? -ENOENT : 0;
}

int run_var_set(struct ph_msg *msg, struct slice name, const struct script_value *value)
{
	struct script_run *r = msg->run;
	struct run_var *v;
	int slot;

	if (r == NULL)
		return -EINVAL;
	slot = program_var(r->prog, name);
	if (slot >= 0)
		return run_slot_set(r, (unsigned)slot, value);
	v = find(r, name);
	if (v == NULL) {
		v = arena_zalloc(msg->arena, sizeof(*v));
		if (v == NULL)
			return -ENOMEM;
		v->name = arena_dup(msg->arena, name);
		if (v->name.p == NULL)
			return -ENOMEM;
		v->next = r->vars->others;
		r->vars->others = v;
	}
	return keep(r, &v->value, value);
}

int run_last_code(const struct ph_msg *msg)
{
	return msg->run != NULL ? msg->run->rc : PH_TRUE;
}

int run_param(struct ph_msg *msg, unsigned i, struct script_value *out)
{
	const struct run_frame *f;

	if (msg->run == NULL || msg->run->depth == 0)
		return -ENOENT;
	f = run_frame(msg->run);
	if (i == 0 || i > f->param_count || f->params[i - 1].type == SCRIPT_NULL)
		return -ENOENT;
	*out = f->params[i - 1];
	return 0;
}

bool run_is_kamailio(const struct ph_msg *msg)
{
	return msg->run != NULL && msg->run->prog->dialect == SCRIPT_KAMAILIO;
}

bool script_is_kamailio(const struct ph_msg *msg)
{
	return run_is_kamailio(msg);
}
