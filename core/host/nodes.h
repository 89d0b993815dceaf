/**
 * @file nodes.h  The node directory: which nodes are alive, who holds which listener, and what is ours.
 *
 * The control thread learns it in the background, every second (HEARTBEAT_MS): it takes or renews the leases of this node's listeners
 * (lease:udp:198.51.100.7:5060, life HEARTBEAT_LIFE_MS), reads who has a heartbeat, and looks up the listeners of other nodes that somebody
 * has asked for in the last minute. Any thread may ask, without waiting and without a lock. What is not known, or not any more, counts as alive. While the
 * store is away what was ours stays ours and who was alive stays so - whoever is silent is found out by his silence. For HEARTBEAT_LIFE_MS and
 * storage.reconnect_max after it is back nobody is taken for dead: others have to find their way back too.
 *
 * Publishes BUS_NODE_UP and BUS_NODE_DOWN.
 */
#pragma once

#include <stdbool.h>

#include "core/base/slice.h"

struct bus_request;
struct host;
struct host_nodes;

/** A node that left a request unanswered gets no more of them for so long: by then its heartbeat has run out, or it is well again. ms */
#define NODES_SILENCE_MS 5000

/** The directory, as it is before anything is known. 0 or -ENOMEM. Start-up thread. */
int nodes_new(struct host_nodes **out, struct host *h);
/** Learn from now on. Control thread. */
void nodes_start(struct host_nodes *n);
/** This node takes no more work: its leases are given back, its listeners are not its own any more. Control thread. */
void nodes_leave(struct host_nodes *n);
/** After the control thread's store handle is closed, and the last reader is gone. */
void nodes_destroy(struct host_nodes **np);

/** May a request for a phone of that listener (another node's) go through the node that holds it? Any thread. n NULL: no. */
bool nodes_socket_alive(struct host_nodes *n, struct slice socket);
/** It was sent one and said nothing. False: that is known already. Any thread. */
bool nodes_socket_silent(struct host_nodes *n, struct slice socket);
/** Answers the command `nodes`: version, start, load, sockets of all; this one has self. Control thread. */
void nodes_command(struct host_nodes *n, struct bus_request *req);
