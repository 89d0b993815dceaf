/**
 * @file contacts_cmd.h  The command `contacts`: who is registered, page by page or one
 * user.
 */
#pragma once

#include "core/host/plugin.h"

/** The plugin's instance on the control thread. */
struct registrar_service {
	struct ph_thread *thread;
};

/** struct ph_mi_cmd's call. */
void registrar_contacts(void *self, struct bus_request *req, const json_t *params);
