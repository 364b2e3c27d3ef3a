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
	# As all of them have it from then on: the one that comes first is used first.
	ip -n "$NSC" route del default via 198.18.1.1
	ip -n "$NSC" route add default via 198.18.1.1 metric 10
	AT=1
}

# The router's end of a link carries a moment after the client's, and what it should have answered to
# until then (ARP) is asked for again a second later. So is the client's own address, if packets for it
# came while it was away. Neither is what we want to look at.
router_carries() { ip -n "$NSR" -o link show "$1" | grep -q 'LOWER_UP.* state UP '; }
link_up() { # NUMBER
	local dev=r$1
	[ "$1" != 1 ] || dev=rc
	ip -n "$NSC" link set c$(($1 - 1)) up
	wait_for 5 router_carries $dev || fail "the link of network $1 does not come up"
	ip -n "$NSR" neigh flush dev $dev
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

one_ping() { in_client ping -q -c 1 -W 1 $SERVER_ADDR >/dev/null; }

# ---- our own gateway -------------------------------------------------------------------------

# own_conf [ADDRESS...]: of the gateway; its name stands for all of them. own.conf is the client's.
own_conf() {
	local dir=$LAB_TMP/gw a
	[ $# != 0 ] || set -- $GW_ADDR
	mkdir -p "$dir"
	for a; do echo "$a gw.lab.test"; done >"$LAB_TMP/hosts"
	(
		umask 077
		cat >"$dir/gateway.conf" <<-CONF
			[gateway]
			listen = $(echo "$*" | sed "s/ /, /g")
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
			address = gw.lab.test
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

is_up() { [ "$(client_json "$1" state 2>/dev/null)" = up ]; }

# logged_connect NAME [OPTION...]: with a file of hosts of its own, which ends with it; what it tells is in
# NAME.log.
# shellcheck disable=SC2016
logged_connect() {
	local name=$1
	shift
	[ -e "$LAB_TMP/hosts" ] || cp /etc/hosts "$LAB_TMP/hosts"
	(exec ip netns exec "$NSC" sh -c 'mount --bind "$1" /etc/hosts && shift && exec "$@"' sh \
		"$LAB_TMP/hosts" "$GODWIT" connect -v --no-detach "$@" "$LAB_OUT/$name.conf" \
		>"$LAB_OUT/$name.log" 2>&1) &
	CLIENT_PID=$!
	wait_for 10 is_up "$name" || fail "connect $name: $(tail -n 1 "$LAB_OUT/$name.log")"
	wait_for 5 one_ping || fail "nothing comes through"
}

logged_disconnect() { # NAME
	local status=0
	in_client "$GODWIT" disconnect "$1" >/dev/null || fail "disconnect"
	wait "$CLIENT_PID" || status=$?
	expect_eq "the client's exit code" 0 $status
}

own_connect() { logged_connect own "$@"; }
own_disconnect() { logged_disconnect own; }

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

# record_start NAMESPACE NAME FILTER: what passes all its devices into NAME.pcap; capture_stop ends it.
record_start() {
	CAPTURE=$LAB_OUT/$2.pcap
	ip netns exec "$1" tcpdump -i any -U -s 2000 -B 65536 --immediate-mode -Z root -w "$CAPTURE" "$3" \
		2>"$LAB_OUT/$2.tcpdump" &
	CAPTURE_PID=$!
	wait_for 5 grep -q 'listening on' "$LAB_OUT/$2.tcpdump" || fail "tcpdump does not start"
}

# updates_seen KEYS: what tshark finds in the last capture with these key logs: messages of IKE that are
# encrypted, how many of them it cannot open, and how many have a notification of the update.
updates_seen() {
	WIRESHARK_CONFIG_DIR=$1 tshark -r "$CAPTURE" -Y 'isakmp.flag_e == 1' -T fields \
		-e isakmp.typepayload -e isakmp.notify.msgtype 2>/dev/null | awk -F '\t' '
		{ all++ }
		$1 !~ /(^|,)8(,|$)/ { closed++ }
		$2 ~ /4070[4-9]|972[89]/ { found++ }
		END { print all + 0, closed + 0, found + 0 }'
}
