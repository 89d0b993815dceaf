"""Certificates, made when a test needs them, by the openssl program: a CA, and what it signs."""

import os
import time

from . import check, proc


class Certificate:
    def __init__(self, path, key):
        self.path, self.key = path, key

    def conf(self, **more):
        """Group `tls` with it."""
        return {"certificate": self.path, "private_key": self.key, **more}

    @property
    def pair(self):
        return self.path, self.key


class Certs:
    """`ca`: the CA's certificate, a file."""

    def __init__(self, folder):
        self.dir = folder
        os.makedirs(folder)
        self.ca, self.ca_key = self.file("ca.pem"), self.file("ca.key")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.ca_key, "-out", self.ca,
                     "-subj", f"/CN=CA of {os.path.basename(folder)}", "-days", "30")

    def file(self, name):
        return os.path.join(self.dir, name)

    def openssl(self, *words):
        done = proc.run(["openssl", *words], seconds=30)
        check.equal(done.returncode, 0, f"openssl {words[0]} ({done.stderr.strip()})")
        return done.stdout

    def make(self, name, *names, days=30, start=0, cn=None):
        """A certificate for the names: "DNS:example.org", "IP:127.0.0.1", "URI:sip:example.org". start: days from now it begins."""
        key, request, out, text = (self.file(name + end) for end in (".key", ".csr", ".pem", ".ext"))
        subject = f"/CN={cn or name}"
        with open(text, "w", encoding="utf-8") as ext:
            ext.write("basicConstraints=CA:FALSE\n" + (f"subjectAltName={','.join(names)}\n" if names else ""))
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request, "-subj", subject)
        if start == 0 and days > 0:
            self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-out", out, "-days", str(days),
                         "-extfile", text)
        else:
            self.dated(request, out, text, time.time() + start * 86400, time.time() + days * 86400)
        return Certificate(out, key)

    def believer(self, name="example.test", **more):
        """tls= of a phone that believes this CA and asks for that name."""
        return {"ca": self.ca, "name": name, **more}

    def dated(self, request, out, text, first, last):
        """With dates in the past, which only `openssl ca` can give."""
        index, conf = self.file("index"), self.file("ca.conf")
        with open(index, "w", encoding="utf-8"):
            pass
        with open(conf, "w", encoding="utf-8") as config:
            config.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={index}\nnew_certs_dir={self.dir}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n"
                         "unique_subject=no\n[p]\ncommonName=supplied\n")
        self.openssl("ca", "-batch", "-config", conf, "-in", request, "-cert", self.ca, "-keyfile", self.ca_key, "-out", out, "-notext", "-extfile", text,
                     "-startdate", stamp(first), "-enddate", stamp(last))


def stamp(seconds):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))
