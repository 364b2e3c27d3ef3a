# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Gateways as they are found in the world, and the client's side of them. Source lib.sh first.
# The wishes of both functions are words KEY=VALUE:
#
#	mode     main, aggressive
#	auth     psk, certificate, hybrid
#	xauth    yes, no (hybrid: always yes)
#	address  config (the gateway gives it), static
#	unity    yes, no: Cisco's Unity, with split networks
#	nets     what the gateway offers behind it, in its own words
#	ike esp  the proposals
#	cert     the gateway's certificate: gateway (below an intermediate CA), direct, other, revoked

LAB_USER=alice
LAB_USER_PASSWORD='alice; "secret" #1'
LAB_GROUP=labgroup
LAB_GROUP_SECRET=lab-group-secret
LAB_POOL=10.92.0
LAB_DNS=10.80.0.53
LAB_DOMAIN=corp.lab.test
LAB_SPLIT_DNS=other.lab.test
LAB_BANNER='Welcome to the lab'
LAB_EXCLUDED=10.80.0.99

# shellcheck disable=SC2034
world_wishes() {
	mode=main auth=psk xauth=no address=config unity=no nets=10.80.0.0/24 cert=gateway
	ike=aes256-sha256-modp2048 esp=aes128gcm16
	local pair
	for pair; do
		case ${pair%%=*} in
		mode | auth | xauth | address | unity | nets | cert | ike | esp)
			printf -v "${pair%%=*}" %s "${pair#*=}"
			;;
		esac
	done
	[ "$auth" != hybrid ] || xauth=yes
}

world_pki() {
	[ -s "$LAB_TMP/pki/root.crl" ] || "$PYTHON" "$LAB_DIR/pki.py" "$LAB_TMP/pki" ||
		fail "cannot make certificates"
}

# The gateway proves itself by this.
world_local() { # AUTH MODE CERT
	case $1 in
	psk)
		if [ "$2" = aggressive ]; then
			echo "auth = psk; id = $GW_ADDR"
		else
			echo "auth = psk; id = gw.lab.test"
		fi
		;;
	*) echo "auth = pubkey; certs = $3.crt; id = gw.lab.test" ;;
	esac
}

# The client by this.
world_remotes() { # AUTH XAUTH MODE
	case $1 in
	psk)
		if [ "$3" = aggressive ]; then
			echo "remote { auth = psk; id = keyid:$LAB_GROUP }"
		else
			echo "remote { auth = psk }"
		fi
		;;
	certificate) echo 'remote { auth = pubkey; cacerts = root.crt; id = "C=ZZ, O=lab, CN=client" }' ;;
	esac
	[ "$2" != yes ] || echo "remote-x { auth = xauth }"
}

world_gateway_files() { # CERT
	local dir=$LAB_TMP/gateway/swanctl
	mkdir -p "$dir/x509" "$dir/x509ca" "$dir/private"
	rm -f "$dir"/x509/* "$dir"/x509ca/* "$dir"/private/*
	cp "$LAB_TMP/pki/$1.crt" "$dir/x509/"
	cp "$LAB_TMP/pki/$1.key" "$dir/private/"
	cp "$LAB_TMP/pki/root.crt" "$LAB_TMP/pki/middle.crt" "$dir/x509ca/"
}

# world_gateway_conf KEY=VALUE...: what the gateway does; gateway_start or gateway_reload follow.
world_gateway_conf() {
	local mode auth xauth address unity nets cert ike esp pools=
	world_wishes "$@"
	gateway_daemon_conf "$unity"
	[ "$auth" = psk ] || { world_pki && world_gateway_files "$cert"; }
	[ "$address" != config ] || pools="pools = v4, v6"
	sed 's/; /\n/g' >"$LAB_TMP/gateway/swanctl/swanctl.conf" <<-CONF
		connections {
			world {
				version = 1
				aggressive = $([ "$mode" = aggressive ] && echo yes || echo no)
				proposals = $ike
				local_addrs = $GW_ADDR, $GW_ADDR6
				send_cert = always
				dpd_delay = 0s
				$pools
				${LAB_GW_IKELIFE:-}
				local {
					$(world_local "$auth" "$mode" "$cert")
				}
				$(world_remotes "$auth" "$xauth" "$mode" | sed 's/{ /{\n/; s/ }$/\n}/')
				children {
					net {
						local_ts = $nets
						$([ "$address" = config ] || echo "remote_ts = $INNER_ADDR/32")
						esp_proposals = $esp
						${LAB_GW_ESPLIFE:-}
					}
				}
			}
		}
		pools {
			v4 {
				addrs = $LAB_POOL.0/24
				dns = $LAB_DNS
				$([ "$unity" = no ] || printf '%s\n' "28672 = \"$LAB_BANNER\"" \
					"28674 = $LAB_DOMAIN" "28675 = $LAB_DOMAIN,$LAB_SPLIT_DNS" \
					"split_exclude = $LAB_EXCLUDED/32")
			}
			v6 {
				addrs = fd92::/120
			}
		}
		secrets {
			ike {
				secret = "$([ "$mode" = aggressive ] && echo $LAB_GROUP_SECRET || echo $LAB_PSK)"
			}
			xauth {
				id = $LAB_USER
				secret = 0s$(printf %s "$LAB_USER_PASSWORD" | base64)
			}
		}
	CONF
	cp "$LAB_TMP/gateway/swanctl/swanctl.conf" "$LAB_OUT/swanctl.conf"
}

world_client_auth() { # AUTH MODE XAUTH
	case $1 in
	psk)
		echo "method = psk"
		if [ "$2" = aggressive ]; then
			echo "identity = keyid:$LAB_GROUP"
			echo "psk = $LAB_GROUP_SECRET"
		else
			echo "psk = $LAB_PSK"
		fi
		;;
	certificate)
		printf '%s\n' "method = certificate" "ca = $LAB_TMP/pki/root.crt" \
			"certificate = $LAB_TMP/pki/client.crt" "key = $LAB_TMP/pki/client.key"
		;;
	hybrid) printf '%s\n' "method = hybrid" "ca = $LAB_TMP/pki/root.crt" ;;
	esac
	[ "$3" != yes ] || printf '%s\n' "xauth = yes" "username = $LAB_USER" \
		"password = \"${LAB_USER_PASSWORD//\"/\"\"}\""
}

# world_client_conf NAME KEY=VALUE... [-- SECTION.KEY=VALUE...]: writes NAME.conf; what stands
# behind -- is added to it.
world_client_conf() {
	local mode auth xauth address unity nets cert ike esp name=$1 inner=config identity=gw.lab.test
	local pair more= remote
	shift
	world_wishes "$@"
	remote=$nets
	[ "$unity" = no ] || remote=config # the gateway names them
	while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
	[ $# = 0 ] || shift
	[ "$auth$mode" != pskaggressive ] || identity=$GW_ADDR
	[ "$address" = config ] || inner=$INNER_ADDR/32
	for pair; do
		more+=$(printf '\n[%s]\n%s = %s' "${pair%%.*}" "$(echo "${pair%%=*}" | cut -d. -f2-)" \
			"${pair#*=}")$'\n'
	done
	(umask 077 && cat >"$LAB_OUT/$name.conf") <<-CONF
		[gateway]
		address = $GW_ADDR
		mode = $mode
		identity = $identity

		[auth]
		$(world_client_auth "$auth" "$mode" "$xauth")

		[ike]
		proposals = $ike

		[esp]
		proposals = $esp
		pfs = no

		[nat]
		timeout = 10s

		[tunnel]
		address = $inner
		remote = $remote
		$more
	CONF
}
