#include "plugins/natping/natping_count.h"

#include <stddef.h>

/* clang-format off */
const struct counter_desc natping_counters[] = {
	[NATPING_C_CONTACTS] = {"natping_contacts", "Contacts that are pinged.", COUNTER_GAUGE},
	[NATPING_C_SENT_UDP] = {"natping_sent_udp", "4-byte pings sent.", COUNTER_TOTAL},
	[NATPING_C_SENT_RAW] = {"natping_sent_raw", "4-byte pings sent with the forged source (natping_socket).", COUNTER_TOTAL},
	[NATPING_C_SENT_SIP] = {"natping_sent_sip", "SIP requests sent as pings.", COUNTER_TOTAL},
	[NATPING_C_SENT_TCP] = {"natping_sent_tcp", "CRLF pings handed to TCP connections.", COUNTER_TOTAL},
	[NATPING_C_SEND_ERRORS] = {"natping_send_errors", "Pings that could not be sent.", COUNTER_TOTAL},
	[NATPING_C_NO_SOCKET] = {"natping_no_socket", "Pings left out: no listener has the transport and family.", COUNTER_TOTAL},
	[NATPING_C_UNRESOLVED] = {"natping_unresolved", "Pings left out: a host name without an address, or none that is known yet.", COUNTER_TOTAL},
	[NATPING_C_NOT_MINE] = {"natping_not_mine", "Pings left out: another node speaks for the listener.", COUNTER_TOTAL},
	[NATPING_C_UNUSABLE] = {"natping_unusable", "Contacts that cannot be pinged: a stored URI is none.", COUNTER_TOTAL},
	[NATPING_C_FULL] = {"natping_full", "Contacts not taken: natping_max_contacts.", COUNTER_TOTAL},
	[NATPING_C_LATE] = {"natping_late_turns", "Turns that came more than 50 ms late.", COUNTER_TOTAL},
	[NATPING_C_READS] = {"natping_reads", "Listeners whose contacts were read from the store.", COUNTER_TOTAL},
	[NATPING_C_REPLIES] = {"natping_replies", "Replies to SIP pings, absorbed.", COUNTER_TOTAL},
	[NATPING_C_REPLIES_OTHER] = {"natping_replies_other", "Replies to SIP pings of another node, absorbed.", COUNTER_TOTAL},
	{.name = NULL},
};
/* clang-format on */
