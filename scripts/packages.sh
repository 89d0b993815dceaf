# shellcheck shell=bash disable=SC2046,SC2086  # names of packages are words
# Installs the Debian packages of some groups of ./apt-packages. Sourced by ./quickstart and ./check.
#
#   . scripts/packages.sh
#   packages_need build demo || exit 1
#
# Only what is missing is installed, `apt-get update` runs only when apt does not know a package, and no
# service that a package brings is started or stays enabled: we start our own relay and Redis.
#
# Variables that tests set: PACKAGES_LIST, PACKAGES_POLICY, PACKAGES_UID.

packages_list=${PACKAGES_LIST:-$(dirname "${BASH_SOURCE[0]}")/../apt-packages}
packages_policy=${PACKAGES_POLICY:-/usr/sbin/policy-rc.d}
packages_kept=$packages_policy.kept-by-pinhole

packages_say() { printf '%s\n' "$*" >&2; }

# The packages of the groups named, one a line.
packages_of() {
	local groups=" $* " group name rest
	while read -r group name rest; do
		case $group in ''|'#'*) continue ;; esac
		[ -n "$name" ] || continue
		case $groups in *" $group "*) printf '%s\n' "$name" ;; esac
	done <"$packages_list"
}

packages_installed() {
	local state
	state=$(dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null) || return 1
	case $state in *not-installed*|*config-files*|*half-*) return 1 ;; *installed*) return 0 ;; esac
	return 1
}

packages_missing() {
	local name
	packages_of "$@" | sort -u | while read -r name; do
		packages_installed "$name" || printf '%s\n' "$name"
	done
}

packages_all_installed() {
	dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' 2>/dev/null | sed -n 's/^installed //p' | sort
}

# While packages are unpacked nothing may start: policy-rc.d answers 101, "forbidden". One that the operator
# has is put aside, not removed, unless it forbids already.
packages_policy_set() {
	if [ -x "$packages_policy" ]; then
		"$packages_policy" redis-server start >/dev/null 2>&1
		[ $? -eq 101 ] && return 0
	fi
	if [ -e "$packages_policy" ] || [ -L "$packages_policy" ]; then
		mv -f "$packages_policy" "$packages_kept" || return 1
	fi
	printf '#!/bin/sh\n# pinhole: no service starts while packages are installed\nexit 101\n' >"$packages_policy" &&
		chmod 755 "$packages_policy"
}

packages_policy_is_ours() {
	[ -f "$packages_policy" ] && grep -q '^# pinhole: no service' "$packages_policy" 2>/dev/null
}

# Safe to call at any time and twice; also mends what a killed run left. The operator's comes back in one step.
packages_policy_restore() {
	if [ -e "$packages_kept" ] || [ -L "$packages_kept" ]; then
		if packages_policy_is_ours || [ ! -e "$packages_policy" ]; then
			mv -f "$packages_kept" "$packages_policy"
		fi
	elif packages_policy_is_ours; then
		rm -f "$packages_policy"
	fi
	return 0
}

# The units of a package: what it brings for systemd, and its scripts of /etc/init.d.
packages_units() {
	dpkg -L "$1" 2>/dev/null |
		sed -n 's#^\(/usr\)\{0,1\}/lib/systemd/system/\([^/@]*\.\(service\|socket\|timer\)\)$#\2#p; s#^/etc/init\.d/\([^/]*\)$#\1.service#p' |
		sort -u
}

# Stop and disable the units of packages that were installed just now; those of others are left alone. Without
# systemd nothing has been started; they are disabled for the day that the machine boots with it.
packages_services_off() {
	local name unit
	for name in "$@"; do
		for unit in $(packages_units "$name"); do
			if [ -d /run/systemd/system ]; then
				systemctl disable --now "$unit" >/dev/null 2>&1
			elif command -v deb-systemd-helper >/dev/null 2>&1; then
				deb-systemd-helper disable "$unit" >/dev/null 2>&1
				[ -e "/etc/init.d/${unit%.service}" ] && update-rc.d "${unit%.service}" disable >/dev/null 2>&1
			else
				systemctl disable "$unit" >/dev/null 2>&1
			fi
		done
	done
	return 0
}

packages_apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 \
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
		-o Dpkg::Use-Pty=0 "$@" </dev/null
}

packages_update() {
	packages_say "packages: apt-get update"
	packages_apt update >&2 && return 0
	packages_say "packages: apt-get update failed: see the lines above; check the network and /etc/apt/sources.list, then run again."
	return 1
}

packages_install() {
	local name
	for name in "$@"; do
		if ! apt-cache show --no-all-versions "$name" >/dev/null 2>&1; then
			packages_update || return 1
			break
		fi
	done
	packages_apt install --no-install-recommends "$@" >&2 && return 0
	packages_say "packages: the first try failed; once more with fresh lists."
	packages_update || return 1
	packages_apt install --no-install-recommends "$@" >&2
}

# The subshell owns the traps, so that those of the script that sourced us stay as they are.
packages_install_quietly() (
	before=$(packages_all_installed)
	# The first signal ends it; further ones must not disturb the restoring, nor the mv in it.
	trap 'trap "" HUP INT TERM; packages_policy_restore' EXIT
	trap 'trap "" HUP INT TERM; exit 129' HUP
	trap 'trap "" HUP INT TERM; exit 130' INT
	trap 'trap "" HUP INT TERM; exit 143' TERM
	if ! packages_policy_set; then
		packages_say "packages: cannot write $packages_policy, which keeps services from starting; make it writable and run again."
		exit 1
	fi
	packages_install "$@"
	rc=$?
	packages_services_off $(comm -13 <(printf '%s\n' "$before") <(packages_all_installed))
	exit $rc
)

# Returns 0 when all packages of the groups are there; else says what to do and returns 1.
packages_need() {
	local missing uid=${PACKAGES_UID:-$(id -u)}
	if [ ! -r "$packages_list" ]; then
		packages_say "packages: cannot read $packages_list; run from a complete copy of the project."
		return 1
	fi
	if ! command -v dpkg-query >/dev/null 2>&1; then
		packages_say "packages: this is no Debian machine (no dpkg-query). Install the like of these by hand:" \
			$(packages_of "$@") "; then call ./configure and make, see README.md."
		return 1
	fi
	[ "$uid" = 0 ] && packages_policy_restore
	missing=$(packages_missing "$@" | tr '\n' ' ')
	missing=${missing% }
	[ -n "$missing" ] || return 0
	if [ "$uid" != 0 ]; then
		packages_say "packages: not installed: $missing"
		packages_say "packages: run this, then start again:  sudo apt-get update && sudo apt-get install --no-install-recommends $missing"
		return 1
	fi
	packages_say "packages: installing $missing"
	packages_install_quietly $missing
	missing=$(packages_missing "$@" | tr '\n' ' ')
	missing=${missing% }
	[ -n "$missing" ] || return 0
	packages_say "packages: still not installed: $missing"
	packages_say "packages: see apt's lines above; mend that (network, sources, disk space), or install by hand:  apt-get install --no-install-recommends $missing"
	return 1
}
