"""In which blocks of a script each function of the guide may stand.

    operator --pinholed -c--> a script that calls the function in one kind of block

Expected: at least where the code of 2011 allowed it, which is more than the guide's text says; elsewhere the script is refused, with the
place, the block, and the blocks that are allowed.
"""

from kit import check, reference

# The last single-module nathelper: request, onreply, failure, branch, local.
CODE_OF_2011 = {
    "fix_nated_contact": "request onreply branch local", "fix_nated_sdp": "request onreply failure branch local",
    "set_rtp_proxy_set": "request onreply failure branch local", "rtpproxy_offer": "request onreply failure branch local",
    "rtpproxy_answer": "request onreply failure branch local", "unforce_rtp_proxy": "request onreply failure branch local",
    "rtpproxy_stream2uac": "request onreply", "rtpproxy_stream2uas": "request onreply", "rtpproxy_stop_stream2uac": "request onreply",
    "rtpproxy_stop_stream2uas": "request onreply", "start_recording": "request onreply", "add_rcv_param": "request", "fix_nated_register": "request",
    "nat_uac_test": "request onreply failure branch local"}
ARGUMENTS = {"fix_nated_sdp": "3", "nat_uac_test": "19", "set_rtp_proxy_set": "0", "rtpproxy_stream2uac": '"p", "1"',
             "rtpproxy_stream2uas": '"p", "1"'}
BLOCKS = {"request": ("route {", "request_route"), "onreply": ("onreply_route[X] {", "onreply_route[X]"), "failure": ("failure_route[X] {", "failure_route[X]"),
          "branch": ("branch_route[X] {", "branch_route[X]"), "local": ("local_route {", "local_route")}
ARM = {"onreply": 't_on_reply("X");', "failure": 't_on_failure("X");', "branch": 't_on_branch("X");'}


def functions():
    return {name: fn for part in reference.plugins().values() for name, fn in part.functions.items() if name in CODE_OF_2011}


def test_no_less_than_the_code_of_2011(t):
    for name, (_, _, blocks) in functions().items():
        missing = set() if blocks == ["all"] else set(CODE_OF_2011[name].split()) - set(blocks)
        check.equal(sorted(missing), [], f"blocks in which {name}() should stand")


def test_allowed_blocks_load_and_others_are_refused_by_name(t):
    for name, (_, _, blocks) in functions().items():
        for kind, (head, said) in BLOCKS.items():
            call = f"\t{name}({ARGUMENTS.get(name, '')});\n}}\n"
            script = f"{head}\n{call}" if kind == "request" else f"route {{\n\t{ARM.get(kind, 'exit;')}\n}}\n{head}\n{call}"
            daemon = t.daemon(start=False, script=script)
            done = daemon.check_conf()
            if blocks == ["all"] or kind in blocks:
                check.equal(done.returncode, 0, f"status of -c for {name}() in {said}: {done.stderr}")
                continue
            check.equal(done.returncode, 1, f"status of -c for {name}() in {said}")
            line = script.count("\n", 0, script.index(f"\t{name}(")) + 1
            check.contains(done.stderr, f".route:{line}:2: '{name}' cannot be used in {said} (allowed: ", f"complaint of {name}() in {said}")
