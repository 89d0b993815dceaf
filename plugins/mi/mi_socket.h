/**
 * @file mi_socket.h  The control socket: a UNIX stream socket, mode 0600.
 *
 * Control thread.
 */
#pragma once

#include "core/host/plugin.h"

#define MI_MAX_CLIENTS 32

struct mi_socket;

/** Listen on path; its folder is made when missing, a stale socket is replaced, a live one is refused. 0 or negative errno, logged. */
int mi_socket_new(struct mi_socket **out, struct ph_thread *thread, struct log_source *log, const char *path);
/** Close all connections, remove the file. */
void mi_socket_destroy(struct mi_socket **sp);
