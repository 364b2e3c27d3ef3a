#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: pki.py DIRECTORY [dates]

A certificate authority for the lab: ca, a gateway and a client below it (the gateway's below an
intermediate CA), a gateway of another name, a revoked one, a stranger's CA, and the CRL. With dates
instead: root, gateway and client that are valid now, "expired" and "future" gateways, an "over" client,
and a gateway "below" an "old" root that has expired.
"""
import datetime
import ipaddress
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
DAY = datetime.timedelta(days=1)
GATEWAY_NAMES = ["gw.lab.test", "198.18.9.1", "fd18:9::1"]


def name_of(common):
    return x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "ZZ"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "lab"),
        x509.NameAttribute(NameOID.COMMON_NAME, common),
    ])


def san_of(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.RFC822Name(text) if "@" in text else x509.DNSName(text)


def key_usage(ca):
    return x509.KeyUsage(digital_signature=not ca, content_commitment=False,
                         key_encipherment=False, data_encipherment=False, key_agreement=False,
                         key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False)


class Party:
    """A key with its certificate, signed by `issuer` or by itself."""

    def __init__(self, common, issuer=None, ca=False, names=(), days=(-1, 30)):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.name = name_of(common)
        signer = issuer or self
        b = (x509.CertificateBuilder().subject_name(self.name).issuer_name(signer.name)
             .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
             .not_valid_before(NOW + days[0] * DAY).not_valid_after(NOW + days[1] * DAY)
             .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
             .add_extension(key_usage(ca), critical=True))
        if names:
            b = b.add_extension(x509.SubjectAlternativeName([san_of(n) for n in names]), False)
        self.cert = b.sign(signer.key, hashes.SHA256())

    def pem(self):
        return self.cert.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password=None, form=serialization.PrivateFormat.PKCS8):
        how = (serialization.BestAvailableEncryption(password) if password
               else serialization.NoEncryption())
        return self.key.private_bytes(serialization.Encoding.PEM, form, how)


def write(directory, name, data):
    path = os.path.join(directory, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(data)


def dates(d):
    names = ["vpn.lab.test"]
    root = Party("lab root", ca=True)
    old = Party("old root", ca=True, days=(-300, -2))
    for name, p in (("root", root), ("old", old), ("gateway", Party("gateway", root, names=names)),
                    ("client", Party("client", root)),
                    ("expired", Party("gateway", root, names=names, days=(-300, -2))),
                    ("future", Party("gateway", root, names=names, days=(300, 600))),
                    ("below", Party("gateway", old, names=names)),
                    ("over", Party("client", root, days=(-300, -2)))):
        write(d, name + ".crt", p.pem())
        write(d, name + ".key", p.key_pem())


def main():
    d = sys.argv[1]
    os.makedirs(d, exist_ok=True)
    if sys.argv[2:] == ["dates"]:
        dates(d)
        return
    root = Party("lab root", ca=True)
    middle = Party("lab middle", root, ca=True)
    gateway = Party("gateway", middle, names=GATEWAY_NAMES)
    direct = Party("gateway", root, names=GATEWAY_NAMES)
    other = Party("other", root, names=["other.lab.test"])
    revoked = Party("revoked", root, names=GATEWAY_NAMES)
    client = Party("client", root, names=["client@lab.test"])
    stranger = Party("stranger root", ca=True)
    for name, p in (("root", root), ("middle", middle), ("gateway", gateway), ("direct", direct),
                    ("other", other), ("revoked", revoked), ("client", client),
                    ("stranger", stranger)):
        write(d, name + ".crt", p.pem())
        write(d, name + ".key", p.key_pem())
    write(d, "client-pkcs1.key",
          client.key_pem(form=serialization.PrivateFormat.TraditionalOpenSSL))
    write(d, "client-encrypted.key", client.key_pem(b"key password"))
    write(d, "client.p12", pkcs12.serialize_key_and_certificates(
        b"client", client.key, client.cert, [root.cert],
        serialization.BestAvailableEncryption(b"p12 password")))
    gone = (x509.RevokedCertificateBuilder().serial_number(revoked.cert.serial_number)
            .revocation_date(NOW - DAY).build())
    crl = (x509.CertificateRevocationListBuilder().issuer_name(root.name)
           .last_update(NOW - DAY).next_update(NOW + 30 * DAY)
           .add_revoked_certificate(gone).sign(root.key, hashes.SHA256()))
    write(d, "root.crl", crl.public_bytes(serialization.Encoding.PEM))


if __name__ == "__main__":
    main()
