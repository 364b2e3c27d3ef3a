# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Networks that the client goes to and leaves, and our own gateway. Source lib.sh first, and after
# lab_up call networks COUNT:
#
#	c0 198.18.1.2 --- rc 198.18.1.1   the one of lib.sh
#	c1 198.18.2.2 --- r2 198.18.2.1   on the same router; down at first, as those after it
#	c2 198.18.3.2 --- r3 198.18.3.1
#
# AT is the number of the network that the client is in.

BACK_WITHIN=3 # seconds: no timer of dead peer detection is as short

networks() { # COUNT
	local n
	for ((n = 2; n <= $1; n++)); do
		lab_link "$NSC" c$((n - 1)) 198.18.$n.2/24 fd18:$n::2/64 \
			"$NSR" r$n 198.18.$n.1/24 fd18:$n::1/64
		ip -n "$NSC" link set c$((n - 1)) down
		ip -n "$NSG" route replace 198.18.$n.0/24 via $NAT_ADDR
		ip -n "$NSG" -6 route replace fd18:$n::/64 via fd18:9::2
	done
	AT=1
}

# The router's end of a link carries a moment after the client's, and what it should have answered to
# until then (ARP) is asked for again a second later: no change of address that we want to look at.
router_carries() { ip -n "$NSR" -o link show "$1" | grep -q 'LOWER_UP.* state UP '; }
link_up() { # NUMBER
	local dev=r$1
	[ "$1" != 1 ] || dev=rc
	ip -n "$NSC" link set c$(($1 - 1)) up
	wait_for 5 router_carries $dev || fail "the link of network $1 does not come up"
}

# Changes are words for one call of ip, so that two of them can be close to each other.
up_words() { # NUMBER METRIC [FAMILY]
	local dev=c$(($1 - 1))
	if [ "${3:-4}" = 4 ]; then
		echo "addr replace 198.18.$1.2/24 dev $dev"
		echo "route replace default via 198.18.$1.1 dev $dev metric $2"
	else
		echo "addr replace fd18:$1::2/64 dev $dev nodad"
		echo "route replace default via fd18:$1::1 dev $dev metric $2"
	fi
}

down_words() { echo "addr flush dev c$(($1 - 1)) scope global"; } # NUMBER

client_ip() { ip -n "$NSC" -batch -; }

network_up() { # NUMBER METRIC [FAMILY]
	link_up "$1"
	up_words "$@" | client_ip
}

network_down() { # NUMBER
	down_words "$1" | client_ip
	ip -n "$NSC" link set c$(($1 - 1)) down
}

# move gap|overlap [TO [FAMILY]]: to the other network.
move() {
	local from=$AT to=${2:-$((3 - AT))}
	if [ "$1" = gap ]; then
		network_down $from
		sleep 0.3
		network_up $to 10 "${3:-4}"
	else
		network_up $to 5 "${3:-4}"
		sleep 0.5
		network_down $from
		network_up $to 10 "${3:-4}"
		[ "${3:-4}" = 6 ] || ip -n "$NSC" route del default metric 5
		[ "${3:-4}" = 4 ] || ip -n "$NSC" -6 route del default metric 5
	fi
	AT=$to
}

one_ping() { in_client ping -q -c 1 -W 1 $SERVER_ADDR; }

# ---- our own gateway -------------------------------------------------------------------------

# own_conf [ADDRESSES]: of the gateway; the client knows all of them. own.conf is the client's.
own_conf() {
	local dir=$LAB_TMP/gw
	mkdir -p "$dir"
	(
		umask 077
		cat >"$dir/gateway.conf" <<-CONF
			[gateway]
			listen = ${1:-$GW_ADDR}
			identity = gw.lab.test
			[pool]
			addresses = 10.9.0.0/24
			[networks]
			behind = 10.80.0.0/24
			[ike]
			proposals = aes256-sha256-ecp256
			[esp]
			proposals = aes256gcm16
			[auth laptop]
			identity = laptop@example.com
			psk = "first key"
		CONF
		cat >"$LAB_OUT/own.conf" <<-CONF
			[gateway]
			address = ${1:-$GW_ADDR}
			identity = gw.lab.test
			[auth]
			identity = laptop@example.com
			psk = "first key"
		CONF
	)
}

own_start() {
	(exec ip netns exec "$NSG" "$GODWIT" gateway -v "$LAB_TMP/gw/gateway.conf") \
		>"$LAB_OUT/own-gateway.log" 2>&1 &
	GATEWAY_PID=$!
	wait_for 10 grep -q 'gateway ready' "$LAB_OUT/own-gateway.log" ||
		fail "our gateway does not start: $(tail -n 1 "$LAB_OUT/own-gateway.log")"
}

own_stop() {
	kill -TERM "$GATEWAY_PID"
	wait "$GATEWAY_PID" || fail "our gateway ended with $?: $(tail -n 1 "$LAB_OUT/own-gateway.log")"
}

own_is_up() { [ "$(client_json own state 2>/dev/null)" = up ]; }

# own_connect: what it tells is in own.log.
own_connect() {
	(exec ip netns exec "$NSC" "$GODWIT" connect -v --no-detach "$LAB_OUT/own.conf" \
		>"$LAB_OUT/own.log" 2>&1) &
	CLIENT_PID=$!
	wait_for 10 own_is_up || fail "connect: $(tail -n 1 "$LAB_OUT/own.log")"
	wait_for 3 one_ping || fail "nothing comes through"
}

own_disconnect() {
	local status=0
	in_client "$GODWIT" disconnect own >/dev/null || fail "disconnect"
	wait "$CLIENT_PID" || status=$?
	expect_eq "the client's exit code" 0 $status
}

spis() { client_json own ike.spi_i ike.spi_r tunnels.0.epochs.0.spi_in tunnels.0.epochs.0.spi_out; }

# gateway_json KEY...: of the gateway's status; an empty line for a counter that is zero.
gateway_json() {
	in_gateway timeout --foreground 10 "$GODWIT" status gateway --json |
		"$PYTHON" "$LAB_DIR/json_get.py" "$@"
}

# rule NAME: how often the gateway has gone by this rule.
rule() {
	local n
	n=$(gateway_json "counters.updates.$1")
	echo "${n:-0}"
}
