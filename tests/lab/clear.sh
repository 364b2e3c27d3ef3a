# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Packets in the clear, injected and awaited. Source lib.sh first. The test has a function `refused` that
# tells what the kernel has refused so far, and in SENTINEL a packet (see clear.py) that always comes in.

PORT=7777
TIMES=3 # as inject says it

clear_listen() { # NAMESPACE
	ip netns exec "$1" "$PYTHON" "$LAB_DIR/clear.py" listen $PORT >"$LAB_OUT/listen.out" 2>&1 &
	wait_for 5 grep -q ready "$LAB_OUT/listen.out" || fail "the listener does not start"
}

# It takes a second, so other things can begin meanwhile.
clear_sender() { # NAMESPACE DEVICE NAMESPACE-OF-THE-OTHER-END DEVICE
	local mac
	mac=$(ip netns exec "$3" cat "/sys/class/net/$4/address")
	coproc SENDER { exec ip netns exec "$1" "$PYTHON" "$LAB_DIR/clear.py" send "$2" "$mac" $PORT 2>"$LAB_OUT/send.err"; }
}

clear_sender_is_ready() {
	local ready
	read -r -t 10 ready <&"${SENDER[0]}"
	expect_eq "the sender" ready "$ready"
}

arrived() { grep -c '^[ut]' "$LAB_OUT/listen.out"; }
arrived_are() { [ "$(arrived)" = "$1" ]; }
refused_are() { [ "$(clear_refused)" = "$1" ]; }
clear_refused() {
	local n
	n=$(refused)
	echo "${n:-0}"
}

send() { # WHAT PACKET...
	local what=$1 n
	shift
	echo "$*" >&"${SENDER[1]}"
	read -r -t 10 n <&"${SENDER[0]}"
	expect_eq "$what: packets sent" $# "$n"
}

# inject WHAT arrive|refused|none PACKET...: all of them TIMES times, and one behind that always comes in.
# "none" asks nobody what was refused.
inject() {
	local what=$1 wanted=$2 sent before_in before_out=0
	shift 2
	sent=$(($# * TIMES))
	before_in=$(arrived)
	[ "$wanted" = none ] || before_out=$(clear_refused)
	send "$what" "$@" "$@" "$@"
	send "$what" "$SENTINEL"
	if [ "$wanted" = refused ]; then
		wait_for 5 refused_are $((before_out + sent)) ||
			fail "$what: sent $sent, refused $(($(clear_refused) - before_out))"
		wait_for 5 arrived_are $((before_in + 1)) ||
			fail "$what: arrived: $(($(arrived) - before_in - 1))"
	else
		wait_for 5 arrived_are $((before_in + sent + 1)) ||
			fail "$what: sent $sent, arrived $(($(arrived) - before_in - 1))"
		[ "$wanted" = none ] || expect_eq "$what: refused" "$before_out" "$(clear_refused)"
	fi
}
