/**
 * @file mi_socket.h  The control socket: a UNIX stream socket, mode 0600, for mi.max_clients at one time.
 *
 * Control thread.
 */
#pragma once

#include "plugins/mi/mi.h"

struct mi_socket;

/**
 * Listen on path; its folder is made when missing. A socket that a dead daemon left is replaced; one that answers, one of another user and any
 * other file are refused. 0 or negative errno, logged.
 */
int mi_socket_new(struct mi_socket **out, const struct mi_ctx *ctx, const char *path);
/** Close all connections, remove the file. */
void mi_socket_destroy(struct mi_socket **sp);
