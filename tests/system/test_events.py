"""What happened? The plugin mi lives from the events of others and keeps the last ones.

    phone --REGISTER--> registrar --contact.saved--> bus --> mi --> pinholectl events
    relay stopped     > rtpp --relay.down--> bus --> mi
"""

from kit import check


def events(daemon, *topic):
    done = daemon.ctl("events", *topic)
    check.equal(done.returncode, 0, f"status of pinholectl events ({done.stderr})")
    return done.stdout.splitlines()


def test_registrations_and_relays_leave_their_traces(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay, conf={"rtpp": {"rtpproxy_timeout": "0.1", "rtpproxy_retr": 2}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    check.until(lambda: len(events(daemon, "contact.saved")) == 2, 3, "two contacts saved")
    saved = events(daemon, "contact.saved")
    check.contains(saved[0], "aor=alice", "first event")
    check.contains(saved[0], f"received=sip:{alice.link.local[0]}:{alice.link.local[1]}", "first event")
    bob.register(expires=0)
    check.until(lambda: len(events(daemon, "contact.removed")) == 1, 3, "one contact removed")
    bob.register()

    relay.pause()
    check.equal(alice.call("bob").txn.wait().status, 503, "a call without a relay")
    check.until(lambda: events(daemon, "relay.down"), 5, "the relay's failure")
    check.contains(events(daemon, "relay.down")[0], f"url={relay.url}", "event")
    relay.resume()
    check.until(lambda: len(events(daemon, "relay.up")) >= 2, 10, "the relay's return")


def test_reference_is_made_from_the_tables(t):
    """pinholed -R names every plugin's parameters and functions; the manual can rely on it."""
    from kit import build, proc

    done = proc.run([build.program("pinholed"), "-p", build.plugin_dirs(), "-R"], env=build.environment())
    check.equal(done.returncode, 0, f"status ({done.stderr})")
    for text in ("## Plugin nat", "## Plugin rtpp", "`default_expires` | integer | 3600", "`nat_uac_test(flags)`",
                 "`t_relay(", "`nh_show_rtpp`", "`shutdown_timeout` | integer | 10 | 0..3600"):
        check.contains(done.stdout, text, "reference")
