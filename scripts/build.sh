# shellcheck shell=bash
# Building out of tree. Sourced by ./quickstart and ./check.

# Run a command, its output to a log; on failure show the end of it.
build_step() { # LOG TITLE COMMAND...
	local log=$1 title=$2
	shift 2
	printf '\n### %s: %s\n' "$title" "$*" >>"$log"
	"$@" >>"$log" 2>&1 </dev/null && return 0
	printf '%s failed; the end of %s:\n' "$title" "$log" >&2
	tail -n 25 "$log" >&2
	return 1
}

# configure, made when it is missing or older than what it is made from. Make would do the latter as well, but does not
# fetch a helper script that is needed for the first time.
build_configure_script() { # TOP LOG
	if [ -e "$1/config.status" ]; then
		printf 'The source folder itself is configured, which rules out other build folders; run:  make -C %s distclean\n' "$1" >&2
		return 1
	fi
	local made all=yes
	for made in configure Makefile.in config.h.in aclocal.m4 build-aux/missing build-aux/ltmain.sh; do
		[ -e "$1/$made" ] || all=no
	done
	if [ $all = yes ] && [ -z "$(find "$1/configure.ac" "$1/Makefile.am" "$1"/m4/ph-*.m4 "$1/core" "$1/storage" "$1/plugins" \
		"$1/tools" "$1/bench" "$1/tests" "$1/docs" \( -name '*.am' -o -name '*.ac' -o -name 'ph-*.m4' -o -name Makefile.inc \) \
		-newer "$1/Makefile.in" 2>/dev/null | head -n 1)" ]; then
		return 0
	fi
	build_step "$2" autoreconf autoreconf -fi "$1"
}

# Build TOP in BUILD: autoreconf and configure when they have not run, then make. More arguments go to configure; it
# runs again when they are others than the last time.
build_tree() { # TOP BUILD LOG [CONFIGURE ARGUMENT...]
	local top=$1 build=$2 log=$3
	shift 3
	if ! { mkdir -p "$build" && : >"$log"; } 2>/dev/null; then
		printf 'cannot write to %s: is it of another user? Remove it, or work in a copy of your own.\n' "$build" >&2
		return 1
	fi
	build_configure_script "$top" "$log" || return 1
	if [ ! -f "$build/Makefile" ] || { [ $# -gt 0 ] && [ "$(cat "$build/configured-with" 2>/dev/null)" != "$*" ]; }; then
		(cd "$build" && build_step "$log" configure "$top/configure" "$@") || return 1
		printf '%s\n' "$*" >"$build/configured-with"
	fi
	build_step "$log" make make -C "$build" -j"$(nproc)"
}

# The path of a program of a build folder; the same places as tests/system/kit/build.py.
build_program() { # BUILD NAME
	local place
	for place in '' tools/ core/host/; do
		if [ -f "$1/$place$2" ] && [ -x "$1/$place$2" ]; then
			printf '%s\n' "$1/$place$2"
			return 0
		fi
	done
	return 1
}
