# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that are measured beside each other, each in a world of its own: namespaces, a directory,
# logs. Sourced behind lab_begin. Of a program NAME there are three functions: NAME_has (is it to be
# had?), NAME_gateway (starts its gateway) and NAME_client (connects; fails when it does not), the
# latter two in the world that world_use has chosen.
#
#	INNER_MTU=1390  of vpnc's device (ours and strongSwan's have defaults, wireguard-go's is 1400)
#	DPD=5 VPNC_DPD=10  after so many idle seconds strongSwan and vpnc ask whether the other is there
#	OWN_LINES       an array: more lines for our client's configuration

BENCH_DIR=$LAB_TOP/tests/bench
DPD=${DPD:-5}
VPNC_DPD=${VPNC_DPD:-10}
INNER_MTU=${INNER_MTU:-1390}
LAB_MORE=
LAB_TOP_TMP=$LAB_TMP
OWN_LINES=()

# world_use PEER: whose world is meant from here on.
world_use() {
	PEER=$1
	NSC=$LAB-$1-c NSR=$LAB-$1-r NSG=$LAB-$1-g NSS=$LAB-$1-s NSW=$LAB-$1-w
	DIR=$LAB_TOP_TMP/$1
	OUT=$LAB_OUT/$1
	GODWIT_RUNDIR=$DIR/run
	mkdir -p "$GODWIT_RUNDIR" "$OUT"
}

# world_wire DELAY: between router and gateway.
world_wire() {
	local dev
	lab_namespace "$NSW"
	ip netns exec "$NSW" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	ip -n "$NSR" link add rg type veth peer name wr netns "$NSW"
	ip -n "$NSG" link add g0 type veth peer name wg netns "$NSW"
	ip -n "$NSR" addr add $NAT_ADDR/24 dev rg
	ip -n "$NSG" addr add $GW_ADDR/24 dev g0
	for dev in "$NSR rg" "$NSG g0" "$NSW wr" "$NSW wg"; do
		ip -n "${dev% *}" link set "${dev#* }" up
	done
	mkfifo "$DIR/wire"
	ip netns exec "$NSW" chrt -r 1 "${GODWIT%/*}/lab_link" wr wg delay="$1" <>"$DIR/wire" \
		>"$OUT/wire.log" 2>&1 &
	wait_for 5 grep -q ready "$OUT/wire.log" || fail "the wire does not start"
}

world_down() {
	local ns
	ends "$NSC" "$NSR" "$NSG" "$NSS" "$NSW" 2>/dev/null
	for ns in "$NSC" "$NSR" "$NSG" "$NSS" "$NSW"; do
		[ ! -e "/run/netns/$ns" ] || ip netns del "$ns"
	done
	find "$DIR" -mindepth 1 -delete
}

# world_urgent: precedence for all that runs in the world. Being nice counts within a session alone
# where the kernel groups by sessions, and daemons begin sessions of their own. Our own session gets
# back what it had.
world_urgent() {
	local ns pid
	[ -e /proc/self/autogroup ] || return 0
	for ns in "$NSC" "$NSR" "$NSG" "$NSS" "$NSW"; do
		for pid in $(ip netns pids "$ns" 2>/dev/null) $$; do
			echo -20 >"/proc/$pid/autogroup"
		done
	done 2>/dev/null
}
session_before() { awk '{ print $3 }' "/proc/$$/autogroup" 2>/dev/null; }
session_restore() { [ -z "$SESSION" ] || echo "$SESSION" >"/proc/$$/autogroup"; }
SESSION=$(session_before)
trap 'lab_down; session_restore' EXIT

# ends NAMESPACE...: what runs there.
ends() {
	local ns pid
	for ns; do
		for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -TERM "$pid" 2>/dev/null; done
	done
	for ns; do
		wait_for 3 is_idle "$ns" && continue
		for pid in $(ip netns pids "$ns"); do kill -KILL "$pid" 2>/dev/null; done
	done
}
is_idle() { [ -z "$(ip netns pids "$1")" ]; }

comes_through() {
	wait_for "${1:-10}" in_client ping -q -c 1 -W 1 $SERVER_ADDR
}

# ---- godwit ----------------------------------------------------------------------------------

own_gateway() { # LINES...
	(umask 077 && cat >"$DIR/gateway.conf") <<-CONF
		[gateway]
		listen = $GW_ADDR
		identity = gw.lab.test
		[pool]
		addresses = 10.9.0.0/24
		[networks]
		behind = 10.80.0.0/24
		[ike]
		proposals = aes256-sha256-ecp256, aes256-sha1-modp2048
		[esp]
		proposals = aes128gcm16, aes128-sha1
		$(printf '%s\n' "$@")
	CONF
	(exec ip netns exec "$NSG" "$GODWIT" gateway -v "$DIR/gateway.conf") >"$OUT/gateway.log" 2>&1 &
	wait_for 10 grep -q 'gateway ready' "$OUT/gateway.log" ||
		fail "our gateway does not start: $(tail -n 1 "$OUT/gateway.log")"
}

godwit_has() { :; }
godwit_gateway() {
	own_gateway '[auth laptop]' 'identity = laptop@example.com' 'psk = "first key"'
}
godwit_conf() {
	(umask 077 && cat >"$DIR/own.conf") <<-CONF
		[gateway]
		address = $GW_ADDR
		identity = gw.lab.test
		[auth]
		identity = laptop@example.com
		psk = "first key"
		$(printf '%s\n' "${OWN_LINES[@]}")
	CONF
}
godwit_client() {
	godwit_conf
	in_client "$GODWIT" connect -v "$DIR/own.conf" >"$OUT/client.log" 2>&1
}

# ---- vpnc, with our gateway ------------------------------------------------------------------

vpnc_has() { [ -x /usr/sbin/vpnc ]; }
vpnc_gateway() {
	(umask 077 && printf 'alice:%s\n' "$(echo secret | "$GODWIT" gateway --hash)" >"$DIR/users")
	own_gateway '[users]' 'file = users' '[auth staff]' 'mode = aggressive' \
		'identity = keyid:staff' 'psk = "third key"' 'users = yes'
}
vpnc_conf() {
	cat >"$DIR/hook" <<-'HOOK'
		#!/bin/sh
		[ "$reason" = connect ] || exit 0
		ip link set "$TUNDEV" up mtu MTU
		ip addr add "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"
		ip route add 10.80.0.0/24 dev "$TUNDEV" src "$INTERNAL_IP4_ADDRESS"
	HOOK
	sed -i "s/MTU/$INNER_MTU/" "$DIR/hook"
	chmod 755 "$DIR/hook"
	(umask 077 && cat >"$DIR/vpnc.conf") <<-CONF
		IPSec gateway $GW_ADDR
		IPSec ID staff
		IPSec secret third key
		IKE Authmode psk
		Xauth username alice
		Xauth password secret
		IKE DH Group dh14
		Perfect Forward Secrecy nopfs
		NAT Traversal Mode natt
		Interface name labvpn
		DPD idle timeout (our side) $VPNC_DPD
		Pidfile $DIR/vpnc.pid
		Script $DIR/hook
	CONF
}
vpnc_client() {
	vpnc_conf
	in_client timeout --foreground 40 /usr/sbin/vpnc "$DIR/vpnc.conf" >"$OUT/client.log" 2>&1 \
		</dev/null
}

# ---- strongSwan: IKEv2 with MOBIKE -----------------------------------------------------------

strongswan_has() { command -v charon-systemd >/dev/null && command -v swanctl >/dev/null; }

# strongswan_start NAMESPACE NAME CONNECTION...: NAME.conf and so on in $DIR.
strongswan_start() {
	local ns=$1 dir=$DIR/$2
	mkdir -p "$dir/swanctl"
	sed "s|@RUN@|$dir|g; s|@LOG@|1|g; s|@UNITY@|no|g" "$LAB_DIR/strongswan.conf.in" \
		>"$dir/strongswan.conf"
	cat >"$dir/swanctl/swanctl.conf"
	charon_exec "$ns" "$dir" >"$OUT/$2.out" 2>&1 &
	wait_for 10 strongswan_ctl "$2" --stats || fail "strongSwan does not start"
	strongswan_ctl "$2" --load-all --noprompt >"$OUT/$2-load.log" 2>&1 ||
		fail "strongSwan refuses its configuration: $(tail -n 1 "$OUT/$2-load.log")"
}

strongswan_ctl() { # NAME VERB...
	SWANCTL_DIR=$DIR/$1/swanctl timeout 15 swanctl "$2" --uri "unix://$DIR/$1/vici" "${@:3}"
}

strongswan_gateway() {
	strongswan_start "$NSG" gw <<-CONF
		connections { v2 {
			version = 2
			proposals = aes128gcm16-prfsha256-ecp256
			local_addrs = $GW_ADDR
			pools = v4
			local { auth = psk
				id = gw.lab.test }
			remote { auth = psk
				id = laptop.lab.test }
			children { net { local_ts = 10.80.0.0/24
				esp_proposals = aes128gcm16 } }
			dpd_delay = ${DPD}s
		} }
		pools { v4 { addrs = 10.90.0.0/24 } }
		secrets { ike { secret = "first key" } }
	CONF
}

strongswan_client() {
	strongswan_start "$NSC" client <<-CONF
		connections { v2 {
			version = 2
			mobike = yes
			proposals = aes128gcm16-prfsha256-ecp256
			remote_addrs = $GW_ADDR
			vips = 0.0.0.0
			local { auth = psk
				id = laptop.lab.test }
			remote { auth = psk
				id = gw.lab.test }
			children { net { remote_ts = 10.80.0.0/24
				esp_proposals = aes128gcm16
				dpd_action = restart } }
			dpd_delay = ${DPD}s
		} }
		secrets { ike { secret = "first key" } }
	CONF
	strongswan_ctl client --initiate --child net >"$OUT/initiate.log" 2>&1
}

# vpnc, with strongSwan's gateway.
vpnc-strongswan_has() { vpnc_has && strongswan_has; }
vpnc-strongswan_client() { vpnc_client; }
vpnc-strongswan_gateway() {
	strongswan_start "$NSG" gw <<-CONF
		connections { v1 {
			version = 1
			aggressive = yes
			proposals = aes256-sha1-modp2048
			local_addrs = $GW_ADDR
			pools = v4
			local { auth = psk
				id = $GW_ADDR }
			remote { auth = psk
				id = keyid:staff }
			remote-x { auth = xauth }
			children { net { local_ts = 0.0.0.0/0
				esp_proposals = aes128-sha1 } }
			dpd_delay = ${DPD}s
		} }
		pools { v4 { addrs = 10.90.0.0/24 } }
		secrets { ike { secret = "third key" }
			xauth { id = alice
				secret = secret } }
	CONF
}

# ---- wireguard-go ----------------------------------------------------------------------------

wireguard_has() { WIREGUARD=${WIREGUARD:-$("$BENCH_DIR/wireguard")}; }
wireguard-new_has() { wireguard_has; }

# wireguard_start NAMESPACE DEVICE PROGRAM ADDRESS: its socket is the host's, so that devices have
# names of their own.
wireguard_start() {
	ip netns exec "$1" "$WIREGUARD/$3" -f "$2" >"$OUT/$2.log" 2>&1 &
	wait_for 5 ip netns exec "$1" "$WIREGUARD/wg" show "$2" || fail "$3 does not start"
	[ -s "$DIR/$2.key" ] || (umask 077 && "$WIREGUARD/wg" genkey >"$DIR/$2.key")
	ip netns exec "$1" "$WIREGUARD/wg" set "$2" private-key "$DIR/$2.key"
	ip -n "$1" addr replace "$4" dev "$2"
	ip -n "$1" link set "$2" mtu 1400 up
}

wireguard_gateway() {
	wireguard_start "$NSG" "${LAB}g" "${1:-wireguard-go}" 10.90.0.1/24
	ip netns exec "$NSG" "$WIREGUARD/wg" set "${LAB}g" listen-port 51820
}
wireguard_client() {
	local gw=${LAB}g own=${LAB}c
	wireguard_start "$NSC" "$own" "${1:-wireguard-go}" 10.90.0.2/24
	ip netns exec "$NSG" "$WIREGUARD/wg" set "$gw" peer "$("$WIREGUARD/wg" pubkey <"$DIR/$own.key")" \
		allowed-ips 10.90.0.2/32
	in_client "$WIREGUARD/wg" set "$own" peer "$("$WIREGUARD/wg" pubkey <"$DIR/$gw.key")" \
		allowed-ips 10.80.0.0/24,10.90.0.1/32 endpoint $GW_ADDR:51820
	ip -n "$NSC" route replace 10.80.0.0/24 dev "$own"
}
wireguard-new_gateway() { (LAB=${LAB}n && wireguard_gateway wireguard-go-new); }
wireguard-new_client() { (LAB=${LAB}n && wireguard_client wireguard-go-new); }

# ---- OpenVPN ---------------------------------------------------------------------------------

openvpn_has() {
	OPENVPN=${OPENVPN:-$("$BENCH_DIR/openvpn")} && command -v openssl >/dev/null
}

openvpn_key() { # NAME: NAME.key, and NAME.crt beside it
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj "/CN=$1" -keyout "$DIR/$1.key" -out "$DIR/$1.crt" 2>/dev/null
}
openvpn_fingerprint() { openssl x509 -in "$DIR/$1.crt" -noout -fingerprint -sha256 | cut -d= -f2; }

# openvpn_conf OWN-NAME OTHER-NAME OPTIONS...: OPENVPN_COMMAND, for env.
openvpn_conf() {
	local own=$1 other=$2
	shift 2
	OPENVPN_COMMAND=("LD_LIBRARY_PATH=$(openvpn_libraries)" "$OPENVPN/usr/sbin/openvpn"
		--dev labvpn --dev-type tun --proto udp
		--cert "$DIR/$own.crt" --key "$DIR/$own.key" --peer-fingerprint "$(openvpn_fingerprint "$other")"
		--cipher AES-128-GCM --data-ciphers AES-128-GCM --disable-dco --keepalive "$DPD" 60
		--tun-mtu "${INNER_MTU}" --mssfix 0 --sndbuf 1048576 --rcvbuf 1048576 --txqueuelen 1000 "$@")
}
openvpn_libraries() { echo "$OPENVPN"/usr/lib/*-linux-gnu; }

openvpn_gateway() {
	openvpn_key gateway
	openvpn_key client
	openvpn_conf gateway client --ifconfig 10.90.0.1 10.90.0.2 --local $GW_ADDR --tls-server \
		--dh none
	in_gateway env "${OPENVPN_COMMAND[@]}" >"$OUT/gateway.log" 2>&1 &
}
openvpn_client() {
	openvpn_conf client gateway --ifconfig 10.90.0.2 10.90.0.1 --remote $GW_ADDR --nobind \
		--tls-client --route 10.80.0.0 255.255.255.0
	in_client env "${OPENVPN_COMMAND[@]}" >"$OUT/client.log" 2>&1 &
	wait_for 10 grep -q 'Initialization Sequence Completed' "$OUT/client.log"
}

# ---- no tunnel -------------------------------------------------------------------------------

plain_has() { :; }
plain_gateway() { ip -n "$NSR" route add 10.80.0.0/24 via $GW_ADDR; }
plain_client() { :; }
