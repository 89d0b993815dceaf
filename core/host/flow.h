/**
 * @file flow.h  One node speaks through another (docs/architecture.md, "Several nodes").
 *
 * A phone behind NAT lets in only what comes from the socket that it registered through. When another node has a request for it, that node
 * sends it to the one that holds the socket, with a flow in a Route: <sip:FLOW@198.51.100.7:5060;lr> (flow_token.h). The holder is the voice of
 * the other: it takes the Route off, puts itself into the Record-Route of a new dialog, and sends on from its socket to the flow's address, whatever the
 * Request-URI says. Nothing of its script or its plugins runs. What the phone sends inside the dialog comes back the same way, and the
 * other node's script sees the phone's address as its source.
 *
 * On the worker's thread.
 */
#pragma once

#include "core/host/worker.h"

/**
 * A new request, before plugins and script. True: it had a flow of ours and is dealt with (carried, or refused). False: it goes on as usual; when another node
 * has carried it here, its source is now the phone.
 */
bool flow_request(struct worker *w, struct ph_msg *msg);

/** tm's hooks; self is the struct worker. */
int flow_of_route(void *self, struct ph_msg *request, const struct sip_uri *route, struct tm_flow *out);
int flow_detour(void *self, struct ph_msg *request, struct slice socket, const struct net_hop *phone, struct tm_detour *out);
void flow_silent(void *self, struct slice socket);
