# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A Debian of this system's release for tests/lab/package.test, as small as it can be and still boot, be
# read about, and complete words. It is made once, by debootstrap from the mirror that this system has its
# own packages from, and kept in ${GODWIT_CACHE:-${XDG_CACHE_HOME:-~/.cache}/godwit}; remove the file to
# have it made anew.

PACKAGE_RELEASE=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
PACKAGE_TOOLS=systemd,systemd-sysv,systemd-resolved,dbus,man-db,bash-completion,groff-base

# package_root_file: the tarball's name; made where it is not there.
package_root_file() {
	local cache=${GODWIT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/godwit} file mirror work
	file=$cache/package-root-$PACKAGE_RELEASE-$(uname -m)-$(md5sum <<<"$PACKAGE_TOOLS" | cut -c1-6).tar
	mkdir -p "$cache"
	exec 9>"$cache/package-root.lock"
	flock 9
	if [ ! -e "$file" ]; then
		mirror=${GODWIT_MIRROR:-$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' \
			'Identifier: Packages' |
			awk -v want="$PACKAGE_RELEASE" '$1 == want || $1 == "stable" { print $2; exit }')}
		[ -n "$mirror" ] || return 1
		work=$(mktemp -d "$cache/package-root.XXXXXX")
		if debootstrap --variant=minbase --include="$PACKAGE_TOOLS" "$PACKAGE_RELEASE" "$work" "$mirror" \
			>"$LAB_OUT/debootstrap.log" 2>&1 9>&-; then
			rm -rf "$work"/var/cache/apt/archives/*.deb "$work"/var/lib/apt/lists/*
			chmod 755 "$work"
			tar -C "$work" -cf "$file.new" . && mv "$file.new" "$file"
		fi
		rm -rf "$work"
	fi
	flock -u 9
	exec 9>&-
	[ -e "$file" ] && echo "$file"
}

# root_fetch DEB...: what the packages need beside themselves comes into apt's cache there. Mirror, keys
# and names are this system's, for the moment, and are nowhere in the tree afterwards.
# shellcheck disable=SC2016
root_fetch() {
	timeout 120 unshare --mount --propagation private sh -ec '
		root=$1
		shift
		for dir in /etc/apt /etc/ssl; do
			[ -d "$root$dir" ] || continue
			mount --bind "$dir" "$root$dir"
		done
		mount -t proc proc "$root/proc"
		[ ! -e /etc/resolv.conf ] || mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
		chroot "$root" apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=3 update
		chroot "$root" apt-get -q -y -o APT::Sandbox::User=root --no-install-recommends \
			--download-only install "$@"
	' sh "$@"
}

# ---- the booted system -----------------------------------------------------------------------

# root_boot ROOT: as a container in the client's network namespace; ROOT_PID is its init. Not 0: no
# container can be booted on this machine, boot.log says why.
root_boot() {
	SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit \
		--network-namespace-path="/run/netns/$NSC" --capability=CAP_NET_ADMIN \
		--bind=/dev/net/tun --resolv-conf=off --timezone=off --link-journal=no \
		--console=read-only --directory="$1" --boot >"$LAB_OUT/boot.log" 2>&1 </dev/null &
	ROOT_NSPAWN=$!
	wait_for 10 root_init && wait_for 60 root_is_up && return
	root_halt
	return 1
}

# root_enter ROOT: the same without its init, for a machine where it does not boot.
# shellcheck disable=SC2016
root_enter() {
	ip netns exec "$NSC" unshare --mount --uts --ipc --pid --fork --kill-child sh -ec '
		mount -t proc proc "$1/proc"
		mount --rbind /dev "$1/dev"
		mount -t tmpfs tmpfs "$1/run"
		exec chroot "$1" sleep infinity' sh "$1" >"$LAB_OUT/enter.log" 2>&1 </dev/null &
	ROOT_NSPAWN=$!
	wait_for 10 root_sleeps || fail "no other root: $(tail -n 1 "$LAB_OUT/enter.log")"
}

root_init() {
	ROOT_PID=$(pgrep -P "$ROOT_NSPAWN" -x systemd) && [ -n "$ROOT_PID" ]
}

root_sleeps() {
	ROOT_PID=$(pgrep -P "$ROOT_NSPAWN" -x sleep) && [ -n "$ROOT_PID" ]
}

root_is_up() { in_root systemctl is-system-running | grep -qE 'running|degraded'; }

# in_root COMMAND...: in the container, as root.
in_root() {
	nsenter --target "$ROOT_PID" --mount --uts --ipc --net --pid --cgroup --root --wdns=/ \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb "$@"
}

root_is_down() { ! kill -0 "$ROOT_NSPAWN" 2>/dev/null; }

root_halt() {
	[ -n "${ROOT_NSPAWN:-}" ] || return 0
	kill -TERM "$ROOT_NSPAWN" 2>/dev/null
	[ "${BOOTED:-}" ] || kill -KILL "$ROOT_NSPAWN" "$ROOT_PID" 2>/dev/null
	wait_for 15 root_is_down || kill -KILL "$ROOT_NSPAWN" "$ROOT_PID" 2>/dev/null
	wait "$ROOT_NSPAWN" 2>/dev/null
	ROOT_NSPAWN=
}

# root_files: every file with its kind, mode, owner and target, but for what apt and the running system
# write for themselves.
root_files() {
	in_root find / -xdev \
		\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \
		-o -path /var/tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/apt \
		-o -path /var/lib/systemd -o -path /var/lib/dpkg/info \) -prune -o \
		! -name '*-old' ! -name '*-' ! -path '/var/lib/dpkg/*lock*' \
		-printf '%p %y %m %U %G %l\n' | LC_ALL=C sort
	# Of dpkg's, names are enough, as the tools' own packages have theirs rewritten.
	in_root find /var/lib/dpkg/info -name 'godwit*'
}
