# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab: real daemons in network namespaces, without a trace on the host.
#
#   client            router                        gateway (strongSwan)      server
#   c0 198.18.1.2 --- rc 198.18.1.1, rg 198.18.9.2 --- g0 198.18.9.1
#                        (masquerade with "nat")       gi 10.80.0.1 --------- s0 10.80.0.2
#
# Every address has an IPv6 one beside it: fd18:1::2, fd18:9::1, fd80::2 and so on.
#
# A test sources this file, calls `lab_begin NAME`, then `lab_up [nat|v6]`: behind the NAT the
# gateway has no way back to the client's own network; with v6 it has one by IPv6, too, so that
# the tunnel may go over it. Everything it starts
# lives in four namespaces whose names begin with this run's own prefix, and whatever is in
# them when the script ends, by any way, is ended and the namespaces deleted. What is worth a
# look afterwards (logs, configurations, captures) stays in build/lab/NAME/.
#
# Needs root, iproute2, nftables, strongSwan (charon-systemd, swanctl), tcpdump, python3; less when
# LAB_TOOLS, a list of programs, says so.

LAB_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB_DIR=$LAB_TOP/tests/lab
GODWIT=${GODWIT:-$LAB_TOP/build/release/godwit}
PYTHON=/usr/bin/python3
PATH=$PATH:/usr/sbin:/sbin # a plain su leaves them out

GW_ADDR=198.18.9.1
NAT_ADDR=198.18.9.2
CLIENT_ADDR=198.18.1.2
GW_ADDR6=fd18:9::1
INNER_ADDR=10.91.0.1
INNER_ADDR6=fd91::1
INNER_GW=10.80.0.1
SERVER_ADDR=10.80.0.2
SERVER_ADDR6=fd80::2
SERVER_PORT=8080
LAB_PSK=lab-psk-main

# ---- reporting -------------------------------------------------------------------------------

say() { printf '%s: %s\n' "$LAB_NAME" "$*"; }
ok() { say "ok    $*"; }

# fail WHAT: one clear line, then the end of the test.
fail() {
	printf '%s: FAIL  %s\n' "$LAB_NAME" "$*" >&2
	if [ -n "${NSC:-}" ]; then # what the client counted may tell why
		ip netns exec "$NSC" "$GODWIT" status --json >"$LAB_OUT/failed-status.json" 2>&1
		gateway_ctl --list-sas >"$LAB_OUT/failed-gateway.txt" 2>&1
	fi
	[ -z "${LAB_OUT:-}" ] || printf '%s:       traces are in %s\n' "$LAB_NAME" "$LAB_OUT" >&2
	exit 1
}

# skip WHY: the exit status that ctest takes for "not run".
skip() {
	printf '%s: skipped: %s\n' "${LAB_NAME:-lab}" "$*"
	exit 77
}

# expect_eq WHAT WANTED GOT
expect_eq() { [ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"; }

# expect_match WHAT EXTENDED-REGEX GOT
expect_match() { [[ $3 =~ $2 ]] || fail "$1: wanted /$2/, got '$3'"; }

# wait_for SECONDS COMMAND...: polls 20 times a second until COMMAND succeeds.
wait_for() {
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# ---- life of a lab ---------------------------------------------------------------------------

# A client built with ThreadSanitizer ends at its first report, wherever its output goes by then;
# and a report fails the test, whatever else it found.
lab_sanitizer() {
	[ -n "$LAB_TSAN" ] || return 0
	LAB_TSAN=$LAB_TMP/tsan
	mkdir -m 1777 "$LAB_TSAN" # written by the user that the client becomes
	export TSAN_OPTIONS="exitcode=66 halt_on_error=1 log_path=$LAB_TSAN/report"
}

lab_sanitizer_is_silent() {
	local report
	for report in "$LAB_TSAN"/report.*; do
		[ -s "$report" ] || continue
		cp "$report" "$LAB_OUT/"
		printf '%s: FAIL  ThreadSanitizer: %s: %s\n' "$LAB_NAME" "${report##*/}" \
			"$(grep -m 1 SUMMARY "$report")" >&2
		return 1
	done
}

# lab_begin NAME: checks that the machine can run it, makes the directories, sets the traps.
lab_begin() {
	LAB_NAME=$1
	[ "$(id -u)" = 0 ] || skip "it makes network namespaces, which takes root"
	local tool
	for tool in ${LAB_TOOLS:-ip nft charon-systemd swanctl tcpdump "$PYTHON"}; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
	[ -x "$GODWIT" ] || skip "no client at $GODWIT"
	LAB=gl$$
	NSC=$LAB-c NSR=$LAB-r NSG=$LAB-g NSS=$LAB-s NSW=$LAB-w
	grep -qa __tsan_init "$GODWIT" && LAB_TSAN=-tsan || LAB_TSAN=
	LAB_OUT=${LAB_OUT:-$LAB_TOP/build/lab/$LAB_NAME$LAB_TSAN}
	mkdir -p "$LAB_OUT" && find "$LAB_OUT" -mindepth 1 -delete
	LAB_TMP=$(mktemp -d "/tmp/$LAB.XXXXXX")
	chmod 755 "$LAB_TMP"
	GODWIT_RUNDIR=$LAB_TMP/run
	mkdir "$GODWIT_RUNDIR"
	export GODWIT_RUNDIR
	lab_sanitizer
	trap lab_down EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

in_client() { ip netns exec "$NSC" "$@"; }
in_router() { ip netns exec "$NSR" "$@"; }
in_gateway() { ip netns exec "$NSG" "$@"; }
in_server() { ip netns exec "$NSS" "$@"; }

# A link between two namespaces, made inside them, so that the host never sees either end.
lab_link() { # NS DEV ADDR4 ADDR6 NS DEV ADDR4 ADDR6
	ip -n "$1" link add "$2" type veth peer name "$6" netns "$5"
	ip -n "$1" addr add "$3" dev "$2"
	ip -n "$1" addr add "$4" dev "$2" nodad
	ip -n "$5" addr add "$7" dev "$6"
	ip -n "$5" addr add "$8" dev "$6" nodad
	ip -n "$1" link set "$2" up
	ip -n "$5" link set "$6" up
}

lab_namespace() {
	ip netns add "$1"
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	ip -n "$1" link set lo up
}

# Ports are chosen anew by the NAT, as a carrier's would do: a client that counts on 500 or 4500
# staying as they are does not pass.
lab_nat() {
	in_router nft -f - <<-NFT
		table ip lab {
			chain post {
				type nat hook postrouting priority srcnat
				oifname "rg" masquerade random
			}
		}
	NFT
}

# The kernel adds the link-local address some time after the link is up: not to be taken for a
# change that the client made.
lab_is_settled() {
	ip -n "$NSC" -6 addr show dev c0 scope link | grep inet6 | grep -qv tentative
}

# IPv6 from end to end, outside and behind the gateway; nothing translates it.
lab_v6() {
	in_router sysctl -qw net.ipv6.conf.all.forwarding=1
	in_gateway sysctl -qw net.ipv6.conf.all.forwarding=1
	ip -n "$NSG" route add fd18:1::/64 via fd18:9::2
	# A router of IPv6 does not cut packets, and the first too large one would be lost.
	ip -n "$NSS" route add default via fd80::1 mtu 1280
	wait_for 5 in_client ping -q -c 1 -W 1 $GW_ADDR6 || fail "client cannot reach the gateway by IPv6"
}

# Between client and router lies a namespace with a wire in it that has a delay, loses, and so on:
# LAB_WIRE has the emulator's words ("delay=50 loss=10"). wire_set changes them later. LAB_LINK is the
# emulator where it is not beside the client.
lab_wire() {
	local dev
	lab_namespace "$NSW" || fail "cannot make the namespace $NSW"
	ip netns exec "$NSW" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	ip -n "$NSC" link add c0 type veth peer name wc netns "$NSW"
	ip -n "$NSR" link add rc type veth peer name wr netns "$NSW"
	ip -n "$NSC" addr add $CLIENT_ADDR/24 dev c0
	ip -n "$NSC" addr add fd18:1::2/64 dev c0 nodad
	ip -n "$NSR" addr add 198.18.1.1/24 dev rc
	ip -n "$NSR" addr add fd18:1::1/64 dev rc nodad
	for dev in "$NSC c0" "$NSR rc" "$NSW wc" "$NSW wr"; do
		ip -n "${dev% *}" link set "${dev#* }" up
	done
	mkfifo "$LAB_TMP/wire"
	# shellcheck disable=SC2086
	ip netns exec "$NSW" "${LAB_LINK:-${GODWIT%/*}/lab_link}" wc wr $LAB_WIRE <>"$LAB_TMP/wire" \
		>"$LAB_OUT/wire.log" 2>&1 &
	wait_for 5 grep -q ready "$LAB_OUT/wire.log" || fail "the wire does not start"
}

# wire_set WORDS...
wire_set() { echo "$*" >"$LAB_TMP/wire"; }

# lab_up [nat|v6]: builds the topology; again after lab_down if need be.
lab_up() {
	lab_down_net
	local ns
	for ns in "$NSC" "$NSR" "$NSG" "$NSS"; do
		lab_namespace "$ns" || fail "cannot make the namespace $ns"
	done
	if [ -n "${LAB_WIRE:-}" ]; then
		lab_wire
	else
		lab_link "$NSC" c0 $CLIENT_ADDR/24 fd18:1::2/64 "$NSR" rc 198.18.1.1/24 fd18:1::1/64
	fi
	lab_link "$NSG" g0 $GW_ADDR/24 fd18:9::1/64 "$NSR" rg $NAT_ADDR/24 fd18:9::2/64
	lab_link "$NSG" gi $INNER_GW/24 fd80::1/64 "$NSS" s0 $SERVER_ADDR/24 fd80::2/64
	ip -n "$NSC" route add default via 198.18.1.1
	ip -n "$NSC" route add default via fd18:1::1
	ip -n "$NSS" route add default via $INNER_GW
	in_router sysctl -qw net.ipv4.ip_forward=1
	in_gateway sysctl -qw net.ipv4.ip_forward=1
	if [ "${1:-}" = nat ]; then
		lab_nat || fail "cannot install the NAT"
	else
		ip -n "$NSG" route add 198.18.1.0/24 via $NAT_ADDR
	fi
	[ "${1:-}" != v6 ] || lab_v6
	wait_for 5 in_client ping -q -c 1 -W 1 $GW_ADDR || fail "client cannot reach the gateway"
	wait_for 5 lab_is_settled || fail "the client's IPv6 addresses do not settle"
}

# LAB_MORE: namespaces beside the usual ones.
lab_namespaces() { printf '%s\n' "$NSC" "$NSR" "$NSG" "$NSS" "$NSW" ${LAB_MORE:-} | sort -u; }

lab_pids() {
	local ns
	for ns in $(lab_namespaces); do
		ip netns pids "$ns" 2>/dev/null
	done
}

lab_is_empty() { [ -z "$(lab_pids)" ]; }

# Whatever lives in our namespaces was started by us: nobody else knows their names.
lab_down_net() {
	local pid ns
	for pid in $(lab_pids); do kill -TERM "$pid" 2>/dev/null; done
	if ! wait_for 3 lab_is_empty; then
		for pid in $(lab_pids); do kill -KILL "$pid" 2>/dev/null; done
		wait_for 3 lab_is_empty
	fi
	rm -f "$LAB_TMP/wire"
	for ns in $(lab_namespaces); do
		[ ! -e "/run/netns/$ns" ] || ip netns del "$ns"
	done
	return 0
}

# lab_down: idempotent; keeps the exit status of a script that is ending.
lab_down() {
	local status=$?
	trap '' HUP INT TERM
	[ -n "${LAB_TMP:-}" ] || return "$status"
	lab_down_net
	cp "$LAB_TMP"/gateway/charon.log "$LAB_OUT/charon.log" 2>/dev/null
	[ -z "$LAB_TSAN" ] || lab_sanitizer_is_silent || status=66
	rm -rf "$LAB_TMP"
	LAB_TMP=
	[ "$status" != 66 ] || exit 66
	return "$status"
}

# ---- gateway ---------------------------------------------------------------------------------

# gateway_daemon_conf UNITY: the daemon's own settings; UNITY (yes, no): it speaks Cisco's Unity.
# LAB_GW_LIBIPSEC: more settings of its ESP; LAB_GW_LOGMORE: of its log.
gateway_daemon_conf() {
	local dir=$LAB_TMP/gateway
	mkdir -p "$dir/swanctl"
	sed "s|@RUN@|$dir|g; s|@LOG@|${LAB_GW_LOG:-1}|g; s|@UNITY@|$1|g;
		s|# @LIBIPSEC@|${LAB_GW_LIBIPSEC:-}|; s|# @LOGMORE@|${LAB_GW_LOGMORE:-}|" \
		"$LAB_DIR/strongswan.conf.in" >"$dir/strongswan.conf"
}

# gateway_conf IKE-PROPOSALS ESP-PROPOSALS [PSK]: the connection, in strongSwan's words. PFS is
# part of the ESP proposal there (aes128gcm16-modp2048). LAB_GW_IKELIFE and LAB_GW_ESPLIFE: more
# settings of the connection and of its child.
gateway_conf() {
	local dir=$LAB_TMP/gateway
	mkdir -p "$dir/swanctl"
	gateway_daemon_conf no
	sed "s|@IKE@|$1|g; s|@ESP@|$2|g; s|@PSK@|${3:-$LAB_PSK}|g;
		s|# @IKELIFE@|${LAB_GW_IKELIFE:-}|; s|# @ESPLIFE@|${LAB_GW_ESPLIFE:-}|" \
		"$LAB_DIR/swanctl.conf.in" \
		>"$dir/swanctl/swanctl.conf"
	cp "$dir/swanctl/swanctl.conf" "$LAB_OUT/swanctl.conf"
}

gateway_ctl() {
	local verb=$1
	shift
	SWANCTL_DIR=$LAB_TMP/gateway/swanctl timeout 15 swanctl "$verb" \
		--uri "unix://$LAB_TMP/gateway/vici" "$@"
}

# gateway_reload: takes what gateway_conf wrote, without a restart.
gateway_reload() {
	gateway_ctl --load-all --noprompt >"$LAB_OUT/load.log" 2>&1 ||
		fail "the gateway refuses its configuration: $(tail -n 1 "$LAB_OUT/load.log")"
}

# charon_exec NAMESPACE DIRECTORY [ROOT]: the daemon, configured by what is in the directory; of the
# system itself, or of a root that is entered (tests/lab/newer-strongswan). The mounts are in the mount
# namespace that `ip netns exec` makes, and end with the daemon.
# shellcheck disable=SC2016
charon_exec() {
	export STRONGSWAN_CONF=$2/strongswan.conf
	[ -n "${3:-}" ] || exec ip netns exec "$1" charon-systemd
	exec ip netns exec "$1" sh -ec '
		for dir in dev proc sys; do mount --rbind /$dir "$1/$dir"; done
		mount -t tmpfs tmpfs "$1/tmp"
		mkdir -p "$1/$2"
		mount --bind "$2" "$1/$2"
		exec chroot "$1" /usr/sbin/charon-systemd' sh "$3" "$2"
}

# gateway_start: LAB_GW_ROOT, if it is set, has the daemon (tests/lab/newer-strongswan).
gateway_start() {
	charon_exec "$NSG" "$LAB_TMP/gateway" "${LAB_GW_ROOT:-}" >"$LAB_OUT/charon.out" 2>&1 &
	GATEWAY_PID=$!
	wait_for 10 gateway_ctl --stats ||
		fail "the gateway does not start: $(grep -m 1 'failed to load' "$LAB_TMP/gateway/charon.log")"
	gateway_reload
}

gateway_stop() {
	kill -TERM "$GATEWAY_PID" 2>/dev/null
	wait "$GATEWAY_PID" 2>/dev/null
	cp "$LAB_TMP"/gateway/charon.log "$LAB_OUT/charon.log" 2>/dev/null
}

# gateway_sas: one line for each IKE SA the gateway has; empty when it has none.
# charon installs its SAs when message 3 of quick mode has passed its queues, which on a busy
# machine takes longer than our first packet: what counts losses waits for it.
gateway_installed() { [ "$(gateway_ctl --list-sas | grep -c 'INSTALLED, TUNNEL')" -ge "$1" ]; }
# gateway_ready [TUNNELS]
gateway_ready() {
	wait_for 5 gateway_installed "${1:-1}" || fail "the gateway has not installed its SAs"
}

gateway_sas() { gateway_ctl --list-sas | grep -E '^[^ ].*: #'; }
gateway_is_idle() { [ -z "$(gateway_sas)" ]; }

# ---- server ----------------------------------------------------------------------------------

# server_start MEGABYTES: an HTTP server on a file of random bytes; its digest is SERVER_SHA256.
server_start() {
	mkdir -p "$LAB_TMP/www"
	head -c "$1"MB /dev/urandom >"$LAB_TMP/www/file"
	SERVER_SHA256=$(sha256sum "$LAB_TMP/www/file" | cut -d' ' -f1)
	SERVER_BYTES=$(stat -c %s "$LAB_TMP/www/file")
	in_server "$PYTHON" -m http.server -b $SERVER_ADDR -d "$LAB_TMP/www" $SERVER_PORT \
		>"$LAB_OUT/httpd.log" 2>&1 &
	wait_for 10 in_gateway "$PYTHON" "$LAB_DIR/fetch.py" --connect-only $SERVER_ADDR $SERVER_PORT ||
		fail "the HTTP server does not start"
}

# ---- client ----------------------------------------------------------------------------------

# client_conf NAME [KEY=VALUE...]: writes NAME.conf. Keys: gateway ike esp pfs psk device timeout
# lifetime keylife dpd, weak (allow-weak), inner and remote (of the tunnel), encap (encapsulation),
# port (local-port), source (local-address), id (identity of the client), nat (more lines of [nat], "\n"
# between them).
client_conf() {
	local name=$1 pair gateway=$GW_ADDR ike=aes128-sha256-modp2048 esp=aes128gcm16 pfs=yes
	local psk=$LAB_PSK device=godwit0 timeout=10s lifetime=8h keylife=8h dpd=30s weak=no
	local inner=$INNER_ADDR/32 remote=10.80.0.0/24 encap=auto port=500 source= id=v1main.lb.test nat=
	shift
	for pair; do local "${pair?}"; done
	umask 077
	cat >"$LAB_OUT/$name.conf" <<-CONF
		[gateway]
		address  = $gateway
		version  = ikev1
		mode     = main
		identity = gw.lb.test
		local-port = $port
		${source:+local-address = $source}

		[auth]
		method   = psk
		identity = $id
		psk      = "$psk"

		[ike]
		proposals  = $ike
		allow-weak = $weak
		lifetime   = $lifetime
		dpd        = $dpd

		[esp]
		proposals  = $esp
		allow-weak = $weak
		pfs        = $pfs
		keylife    = $keylife
		encapsulation = $encap

		[nat]
		timeout = $timeout
		$(printf %b "$nat")

		[tunnel]
		device  = $device
		address = $inner
		remote  = $remote
	CONF
	umask 022
}

# client_run NAME ARGUMENTS...: godwit in the client's namespace; what it prints is kept in
# NAME.out and NAME.err. Gives its exit status; 124 when it did not end in 40 s.
client_run() {
	local name=$1
	shift
	in_client timeout --foreground 40 "$GODWIT" "$@" >"$LAB_OUT/$name.out" 2>"$LAB_OUT/$name.err"
}

# client_connect NAME [OPTIONS...]: connects by NAME.conf.
client_connect() {
	local name=$1
	shift
	client_run "$name" connect "$LAB_OUT/$name.conf" "$@"
}

client_status() { in_client timeout --foreground 10 "$GODWIT" status "$@"; }
client_disconnect() { client_run "$1-disconnect" disconnect "$1"; }

# client_up NAME [OPTIONS...]: connects, and it must succeed.
client_up() {
	local status=0
	client_connect "$@" || status=$?
	[ $status = 0 ] || fail "connect $1: exit $status: $(tail -n 1 "$LAB_OUT/$1.err")"
	gateway_ready
}

# client_down NAME: disconnects, and it must succeed and leave nothing in the run directory.
client_down() {
	local status=0
	client_disconnect "$1" || status=$?
	[ $status = 0 ] || fail "disconnect $1: exit $status: $(tail -n 1 "$LAB_OUT/$1-disconnect.err")"
	wait_for 5 client_is_gone "$1" || fail "after disconnect, $1 still runs"
	client_left_nothing "$1"
}

# client_pid NAME: the process that holds the connection NAME; fails when there is none.
client_pid() {
	local pid exe
	for pid in $(ip netns pids "$NSC"); do
		exe=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)
		case $exe in
		timeout*) ;;
		*" connect "*"/$1.conf"*) echo "$pid" && return 0 ;;
		esac
	done
	return 1
}

# client_threads PID: the number and name of each of its threads. ThreadSanitizer has one of its own,
# older than the client's first line and without a name of its own.
client_threads() {
	local task name
	for task in "/proc/$1/task"/*; do
		read -r name <"$task/comm"
		if [ -z "$LAB_TSAN" ] || [ "${task##*/}" = "$1" ] || [ "$name" != "$(cat "/proc/$1/comm")" ]; then
			echo "${task##*/} $name"
		fi
	done
}

client_is_gone() { ! client_pid "$1"; }

client_left_nothing() {
	local left
	left=$(find "$GODWIT_RUNDIR" -path "*/$1/*")
	[ -z "$left" ] || fail "left in the run directory: $left"
}

# client_json NAME KEY...: one value of `status --json` for each dotted KEY, a line for each.
client_json() {
	local name=$1
	shift
	client_status "$name" --json | "$PYTHON" "$LAB_DIR/json_get.py" "$@"
}

# client_ping COUNT BYTES [ADDRESS]: echo requests as fast as they come back; none may be lost.
client_ping() {
	local to=${3:-$SERVER_ADDR} received
	received=$(in_client timeout --foreground 100 "$PYTHON" "$LAB_DIR/echo.py" "$to" "$1" "$2")
	expect_eq "echoes of $2 bytes from $to" "$1" "$received"
}

# client_fetch: downloads the server's file through the tunnel; FETCH_BYTES, FETCH_SECONDS.
# shellcheck disable=SC2034
client_fetch() {
	local sum
	read -r FETCH_BYTES FETCH_SECONDS sum < <(in_client timeout --foreground 120 "$PYTHON" \
		"$LAB_DIR/fetch.py" "http://$SERVER_ADDR:$SERVER_PORT/file")
	expect_eq "bytes downloaded" "$SERVER_BYTES" "${FETCH_BYTES:-none}"
	expect_eq "checksum of the download" "$SERVER_SHA256" "$sum"
}

# client_errors NAME: the lines of NAME.err that are not progress of `connect`.
LAB_PROGRESS=${LAB_PROGRESS:-'^ *\[? *[0-9]+([.][0-9]+)? *m?s\b'}
client_errors() { grep -vE "$LAB_PROGRESS|^[[:space:]]*\$" "$LAB_OUT/$1.err"; }

# ---- the client host's state -----------------------------------------------------------------

host_state() {
	local family
	for family in -4 -6; do
		echo "# ip $family rule" && ip -n "$NSC" "$family" rule
		echo "# ip $family route, all tables" && ip -n "$NSC" "$family" route show table all
	done
	echo "# ip addr" && ip -n "$NSC" addr
	echo "# nft" && in_client nft list ruleset
	echo "# sysctl" && in_client sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.c0.rp_filter \
		net.ipv4.conf.all.src_valid_mark net.ipv4.ip_forward
}

# host_snapshot NAME: keeps the state of the client's namespace (interface numbers and running
# lifetimes left out, which change by themselves).
host_snapshot() {
	host_state 2>&1 | sed -E 's/^[0-9]+: ([a-z])/\1/; s/ (expires|age) [0-9]+sec//' \
		>"$LAB_OUT/$1.state"
}

# host_same NAME: true when the state is what host_snapshot NAME saw.
host_same() {
	host_snapshot "$1-now"
	diff -u "$LAB_OUT/$1.state" "$LAB_OUT/$1-now.state" >"$LAB_OUT/$1.diff"
}

# host_unchanged NAME WHEN: fails with the first differences.
host_unchanged() {
	host_same "$1" || fail "$2, the host is not as before: $(
		sed -n '4,$p' "$LAB_OUT/$1.diff" | grep '^[-+]' | head -n 4 | tr '\n' ';')"
}

# ---- captures --------------------------------------------------------------------------------

# capture_start NAMESPACE DEVICE NAME: every frame of DEVICE into NAME.pcap. Batches the sender
# gives the device whole are cut before they are seen, as a wire would show them.
capture_start() {
	CAPTURE=$LAB_OUT/$3.pcap
	ip -n "$1" link set dev "$2" gso_max_segs 1
	ip netns exec "$1" tcpdump -i "$2" -U -s 2000 -B 65536 --immediate-mode -Z root -w "$CAPTURE" \
		2>"$LAB_OUT/$3.tcpdump" &
	CAPTURE_PID=$!
	wait_for 5 grep -q 'listening on' "$LAB_OUT/$3.tcpdump" || fail "tcpdump does not start"
}

capture_is_still() {
	local size
	size=$(stat -c %s "$CAPTURE")
	sleep 0.2
	[ "$size" = "$(stat -c %s "$CAPTURE")" ]
}

capture_stop() {
	wait_for 5 capture_is_still
	kill -INT "$CAPTURE_PID"
	wait "$CAPTURE_PID" 2>/dev/null
	grep -q '^0 packets dropped by kernel' "${CAPTURE%.pcap}.tcpdump" ||
		fail "the capture is not whole: $(tail -n 1 "${CAPTURE%.pcap}.tcpdump")"
}
