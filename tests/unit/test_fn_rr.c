#include "core/tm/record_route.h"
#include "tests/unit/fn_world.h"

static struct ph_msg *in_dialog(const char *ruri, const char *routes)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"BYE %s SIP/2.0\nVia: SIP/2.0/UDP 192.168.1.20;branch=z9hG4bK1\n%s"
		"From: <sip:alice@home.example>;tag=a1\nTo: "
		"<sip:bob@example.org>;tag=b1\nCall-ID: c\nCSeq: 8 BYE\n\n",
		ruri, routes);
	return world_msg(text);
}

static const char *rr_of(struct ph_msg *msg)
{
	const struct sip_hdr *h = sip_hdr_first(&msg->sip, SIP_H_RECORD_ROUTE);

	return h ? arena_dup(world->arena, h->value).p : "";
}

static void one_record_route_of_the_receiving_socket(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	assert_int_equal(world_call(msg, "record_route", ";nat=yes", NULL), 1);
	assert_string_equal(rr_of(msg), "<sip:198.51.100.7;lr;ftag=a1;nat=yes>");
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "record_route", NULL), -1);
	ph_test_log_stop();
	assert_int_equal(msg->sip.edits, 1);
}

static void other_ports_and_transports_are_written(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	msg->sock = &world->socks[3];
	assert_int_equal(world_call(msg, "record_route", "x=1", NULL), 1);
	assert_string_equal(rr_of(msg), "<sip:10.0.0.5:5070;lr;ftag=a1;x=1>");
	msg = world_invite();
	msg->sock = &world->socks[1];
	assert_int_equal(world_call(msg, "record_route", NULL), 1);
	assert_string_equal(rr_of(msg), "<sip:198.51.100.7;transport=tcp;lr;ftag=a1>");
	msg = world_invite();
	msg->sock = &world->socks[2];
	assert_int_equal(world_call(msg, "record_route", NULL), 1);
	assert_string_equal(rr_of(msg), "<sip:[2001:db8::7];lr;ftag=a1>");
}

static void the_copy_that_leaves_by_another_transport_has_two(void **state)
{
	struct ph_msg *msg = world_invite();
	sip_mark mark;

	(void)state;
	assert_int_equal(world_call(msg, "record_route", NULL), 1);
	assert_int_equal(world_call(msg, "add_rr_param", ";nat=yes", NULL), 1);
	mark = sip_edit_mark(&msg->sip);
	assert_int_equal(rr_pair(msg, &world->socks[0]), 0);
	assert_string_equal(rr_of(msg), "<sip:198.51.100.7;lr;ftag=a1;nat=yes>");
	assert_int_equal(rr_pair(msg, &world->socks[1]), 0);
	assert_non_null(strstr(world_text(msg),
		"Record-Route: <sip:198.51.100.7;transport=tcp;r2=on;lr;ftag=a1;nat=yes>\r\n"
		"Record-Route: <sip:198.51.100.7;r2=on;lr;ftag=a1;nat=yes>\r\n"));
	/* the next branch stays on the same side */
	sip_rollback(&msg->sip, mark);
	assert_int_equal(rr_pair(msg, &world->socks[0]), 0);
	assert_string_equal(rr_of(msg), "<sip:198.51.100.7;lr;ftag=a1;nat=yes>");
}

static void the_copy_that_leaves_for_another_network_has_two(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(rr_pair(msg, &world->socks[2]), 0); /* there is none of ours */
	assert_string_equal(rr_of(msg), "");
	assert_int_equal(world_call(msg, "record_route", NULL), 1);
	assert_int_equal(rr_pair(msg, &world->socks[2]), 0);
	assert_string_equal(rr_of(msg), "<sip:[2001:db8::7];r2=on;lr;ftag=a1>");
	msg = world_invite();
	msg->sock = &world->socks[1];
	assert_int_equal(world_call(msg, "record_route", NULL), 1);
	assert_int_equal(rr_pair(msg, &world->socks[3]), 0);
	assert_non_null(strstr(world_text(msg),
		"Record-Route: <sip:10.0.0.5:5070;r2=on;lr;ftag=a1>\r\n"
		"Record-Route: <sip:198.51.100.7;transport=tcp;r2=on;lr;ftag=a1>\r\n"));
}

static void ours_is_still_known_after_msg_apply_changes(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "record_route", NULL), 1);
	assert_int_equal(world_call(msg, "msg_apply_changes", NULL), 1);
	assert_int_equal(rr_pair(msg, &world->socks[1]), 0);
	assert_string_equal(rr_of(msg), "<sip:198.51.100.7;transport=tcp;r2=on;lr;ftag=a1>");
	assert_int_equal(world_call(msg, "remove_hf", "Record-Route", NULL), 1);
	assert_int_equal(rr_pair(msg, &world->socks[2]), 0);
	assert_string_equal(rr_of(msg), "");
}

static void parameters_are_added_before_and_after(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "add_rr_param", ";a=$cs", NULL), 1);
	assert_int_equal(world_call(msg, "add_rr_param", "b=2", NULL), 1);
	assert_int_equal(world_call(msg, "record_route", NULL), 1);
	assert_int_equal(world_call(msg, "add_rr_param", ";c", NULL), 1);
	assert_string_equal(rr_of(msg), "<sip:198.51.100.7;lr;ftag=a1;a=7;b=2;c>");
}

static void a_branchs_record_route_is_forgotten_with_its_edits(void **state)
{
	struct ph_msg *msg = world_invite();
	sip_mark mark = sip_edit_mark(&msg->sip);

	(void)state;
	assert_int_equal(world_call(msg, "record_route", NULL), 1);
	sip_rollback(&msg->sip, mark);
	assert_int_equal(world_call(msg, "record_route", NULL), 1);
	assert_string_equal(rr_of(msg), "<sip:198.51.100.7;lr;ftag=a1>");
}

static void our_route_is_taken_off(void **state)
{
	struct ph_msg *msg = in_dialog(
		"sip:bob@10.1.1.1", "Route: <sip:198.51.100.7;lr;ftag=a1;nat=yes>\n");

	(void)state;
	assert_int_equal(world_call(msg, "loose_route", NULL), 1);
	assert_null(strstr(world_text(msg), "Route:"));
	assert_string_equal(world_pv(msg, "$du $ru"), "<null> sip:bob@10.1.1.1");
	assert_int_equal(world_call(msg, "check_route_param", "nat=yes", NULL), 1);
	assert_int_equal(world_call(msg, "check_route_param", "nat=no", NULL), -1);
	assert_int_equal(world_call(msg, "is_direction", "downstream", NULL), 1);
	assert_int_equal(world_call(msg, "is_direction", "upstream", NULL), -1);
}

static void the_next_route_says_where_to_go_and_stays(void **state)
{
	struct ph_msg *msg = in_dialog("sip:bob@10.1.1.1",
		"Route: <sip:198.51.100.7;lr>, <sip:p2.example;lr>\nRoute: "
		"<sip:p3.example;lr>\n");

	(void)state;
	assert_int_equal(world_call(msg, "loose_route", NULL), 1);
	assert_string_equal(
		world_pv(msg, "$du $ru"), "sip:p2.example;lr sip:bob@10.1.1.1");
	assert_non_null(strstr(world_text(msg),
		"Route: <sip:p2.example;lr>\r\nRoute: <sip:p3.example;lr>\r\n"));
}

static void a_pair_of_ours_goes_together_and_names_the_socket(void **state)
{
	struct ph_msg *msg = in_dialog("sip:bob@10.1.1.1",
		"Route: "
		"<sip:198.51.100.7;transport=tcp;r2=on;lr;ftag=b1;nat=yes>,<sip:10.0.0.5:"
		"5070;r2=on;lr>\n");

	(void)state;
	assert_int_equal(world_call(msg, "loose_route", NULL), 1);
	assert_null(strstr(world_text(msg), "Route:"));
	assert_ptr_equal(msg->send_sock, &world->socks[3]);
	assert_int_equal(world_call(msg, "check_route_param", "nat=yes", NULL), 1);
	assert_int_equal(world_call(msg, "is_direction", "upstream", NULL), 1);
	/* two that are no pair: the second is a second visit */
	msg = in_dialog("sip:bob@10.1.1.1",
		"Route: <sip:198.51.100.7;lr>,<sip:10.0.0.5:5070;lr>\n");
	assert_int_equal(world_call(msg, "loose_route", NULL), 1);
	assert_string_equal(world_pv(msg, "$du"), "sip:10.0.0.5:5070;lr");
}

/* Whoever writes it, and wherever it stands: with it the next hop is a loose router. */
static void lr_is_known_in_every_spelling(void **state)
{
	static const char *const spelled[] = {"lr", "lr=on", "lr=true", "lr=yes", "lr=1", "LR", "Lr=on", "lr=", "lr=\"\"",
		"transport=udp;lr", "lr;transport=udp", "ftag=x;lr=on;nat=yes", "lr;r2=on", " lr ", "maddr=192.0.2.1;lr"};
	char routes[256], next[128];
	struct ph_test_log log;

	(void)state;
	ph_test_log_start(&log);
	for (unsigned i = 0; i < sizeof(spelled) / sizeof(spelled[0]); i++) {
		struct ph_msg *msg;

		snprintf(routes, sizeof(routes), "Route: <sip:198.51.100.7;%s>\nRoute: <sip:p2.example;%s>\n", spelled[i],
			spelled[i]);
		snprintf(next, sizeof(next), "sip:bob@10.1.1.1 sip:p2.example;%s", spelled[i]);
		msg = in_dialog("sip:bob@10.1.1.1", routes);
		if (strpbrk(spelled[i], " \"")) { /* these do not belong into a URI: nothing is followed */
			assert_int_equal(world_call(msg, "loose_route", NULL), -1);
			continue;
		}
		assert_int_equal(world_call(msg, "loose_route", NULL), 1);
		assert_string_equal(world_pv(msg, "$ru $du"), next);
		assert_null(strstr(world_text(msg), "Route: <sip:198.51.100.7"));
	}
	ph_test_log_stop();
	assert_int_equal(log.count, 2);
}

static void without_routes_there_is_nothing_to_follow(void **state)
{
	struct ph_msg *msg = in_dialog("sip:bob@10.1.1.1", "");

	(void)state;
	assert_int_equal(world_call(msg, "loose_route", NULL), -1);
	assert_int_equal(world_call(msg, "check_route_param", ".*", NULL), -1);
	assert_int_equal(world_call(msg, "is_direction", "downstream", NULL), -1);
}

static struct ph_msg *initial(const char *routes)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"INVITE sip:bob@example.org SIP/2.0\nVia: SIP/2.0/UDP "
		"192.168.1.20;branch=z9hG4bK1\n%s"
		"From: <sip:alice@home.example>;tag=a1\nTo: "
		"<sip:bob@example.org>\nCall-ID: c\nCSeq: 8 INVITE\n\n",
		routes);
	return world_msg(text);
}

static void an_initial_request_whose_routes_are_ours_has_no_route_set(void **state)
{
	struct ph_msg *msg = initial("Route: <sip:198.51.100.7;lr>\n");

	(void)state;
	assert_int_equal(world_call(msg, "loose_route", NULL), -1);
	assert_null(strstr(world_text(msg), "Route:"));
	msg = initial("Route: <sip:198.51.100.7;lr>, <sip:elsewhere;lr>\n");
	assert_int_equal(world_call(msg, "loose_route", NULL), 1);
	assert_string_equal(world_pv(msg, "$du"), "sip:elsewhere;lr");
	msg = initial("Route: <sip:elsewhere;lr>\n");
	assert_int_equal(world_call(msg, "loose_route", NULL), 1);
	assert_string_equal(world_pv(msg, "$du"), "sip:elsewhere;lr");
}

static void a_strict_router_before_us(void **state)
{
	struct ph_msg *msg = in_dialog("sip:198.51.100.7;lr;ftag=a1",
		"Route: <sip:p2.example;lr>\nRoute: <sip:bob@10.1.1.1:5062>\n");

	(void)state;
	assert_int_equal(world_call(msg, "loose_route", NULL), 1);
	assert_string_equal(
		world_pv(msg, "$ru $du"), "sip:bob@10.1.1.1:5062 sip:p2.example;lr");
	assert_null(strstr(world_text(msg), "Route: <sip:bob@10.1.1.1:5062>"));
	assert_int_equal(world_call(msg, "check_route_param", "ftag=a1", NULL), 1);
}

static void a_strict_router_behind_us(void **state)
{
	struct ph_msg *msg = in_dialog("sip:bob@10.1.1.1",
		"Route: <sip:198.51.100.7;lr>, <sip:old.example>, <sip:p3.example;lr>\n");

	(void)state;
	assert_int_equal(world_call(msg, "loose_route", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru $du"), "sip:old.example sip:old.example");
	assert_non_null(strstr(world_text(msg),
		"Route: <sip:p3.example;lr>\r\nRoute: <sip:bob@10.1.1.1>\r\n"));
}

static void broken_routes_change_nothing(void **state)
{
	static const char *const broken[] = {
		"Route: <sip:198.51.100.7;lr>, <sip:\n",
		"Route: <sip:198.51.100.7;lr>, <nothing>\n",
		"Route: ,\n",
	};
	struct ph_test_log log;

	(void)state;
	ph_test_log_start(&log);
	for (unsigned i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct ph_msg *msg = in_dialog("sip:bob@10.1.1.1", broken[i]);

		assert_int_equal(world_call(msg, "loose_route", NULL), -1);
		assert_int_equal(msg->sip.edits, 0);
		assert_int_equal(msg->du.len + msg->route_params.len, 0);
	}
	ph_test_log_stop();
	assert_int_equal(log.count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_record_route_of_the_receiving_socket,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(other_ports_and_transports_are_written,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_copy_that_leaves_by_another_transport_has_two, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			the_copy_that_leaves_for_another_network_has_two, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			ours_is_still_known_after_msg_apply_changes, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(parameters_are_added_before_and_after,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_branchs_record_route_is_forgotten_with_its_edits, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			our_route_is_taken_off, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_next_route_says_where_to_go_and_stays,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_pair_of_ours_goes_together_and_names_the_socket, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			lr_is_known_in_every_spelling, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(without_routes_there_is_nothing_to_follow,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			an_initial_request_whose_routes_are_ours_has_no_route_set,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_strict_router_before_us, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_strict_router_behind_us, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			broken_routes_change_nothing, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("fn_rr", tests, NULL, NULL);
}
