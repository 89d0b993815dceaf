/**
 * @file certificates.h  The certificates of TLS while the daemon runs: reading them again, and when they expire.
 *
 * Control thread only.
 */
#pragma once

struct bus_request;
struct certificates;
struct host;

/** Says what is in force, and what expires soon; looks again once a day. NULL in *out without TLS. 0 or -ENOMEM. */
int certificates_new(struct certificates **out, struct host *h);
void certificates_destroy(struct certificates **cp);
/** Command tls_list. c NULL: there is no TLS. */
void certificates_list(struct certificates *c, struct bus_request *req);
/** Command tls_reload: answers with what is in force then, or why it is still the former. */
void certificates_reload(struct certificates *c, struct bus_request *req);
/** SIGHUP: the same, told in the log. */
void certificates_hangup(struct certificates *c);
