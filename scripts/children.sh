# shellcheck shell=bash
# Programs that a script starts and ends with itself. Sourced by ./quickstart and examples/cluster/run.
#
# Everything we start runs in a group of its own, so that Ctrl-C reaches the script alone, which then ends it by its id.
# Should the script be killed, the kernel ends it. children_dir, when set, is removed at the end.

children=() children_follower='' children_dir=''

children_start() { # LOG COMMAND...; its id is ${children[-1]}
	local log=$1
	shift
	setsid setpriv --pdeathsig TERM -- "$@" >"$log" 2>&1 </dev/null &
	children+=($!)
}

# Has it ended? Then its last lines are shown.
children_ended() { # PID NAME LOG
	kill -0 "$1" 2>/dev/null && return 1
	printf '%s: %s ended; its last lines:\n' "${0##*/}" "$2" >&2
	tail -n 20 "$3" >&2
	return 0
}

# Show what a log gets from now on, for as long as a process runs.
children_follow() { # LOG PID
	tail -n 0 -f --pid="$2" "$1" &
	children_follower=$!
}

# shellcheck disable=SC2317  # the trap calls it
children_stop() {
	local pid n
	trap '' INT TERM HUP
	# The last one started first: the daemon before its relay.
	for ((n = ${#children[@]} - 1; n >= 0; n--)); do
		pid=${children[n]}
		kill -TERM "$pid" 2>/dev/null || continue
		for _ in {1..60}; do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	if [ -n "$children_follower" ]; then
		kill "$children_follower" 2>/dev/null
		wait "$children_follower" 2>/dev/null
	fi
	[ -n "$children_dir" ] && rm -rf "$children_dir"
}
trap children_stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
