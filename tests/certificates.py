"""Certificates for tests: an authority and what it signs, made by the openssl program, EC keys."""

import os
import subprocess


class Authority:
    """Signs certificates; its own is `path`. Files are in `folder`."""

    def __init__(self, folder, name="authority"):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.path = os.path.join(folder, f"{name}.pem")
        self._key = os.path.join(folder, f"{name}.key")
        _openssl("req", "-x509", *_new_key(self._key), "-subj", f"/CN={name}", "-days", "2",
                 "-out", self.path)

    def issue(self, name, file_name=None, names="DNS:localhost,IP:127.0.0.1", days=2):
        """Returns the paths of a new certificate and its key. Files that are there are replaced
        at once, the key first."""
        base = os.path.join(self.folder, file_name or name)
        _openssl("req", *_new_key(base + ".key.new"), "-subj", f"/CN={name}", "-out", base + ".csr")
        with open(base + ".ext", "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\n")
        _openssl("x509", "-req", "-in", base + ".csr", "-CA", self.path, "-CAkey", self._key,
                 "-CAcreateserial", "-days", str(days), "-extfile", base + ".ext",
                 "-out", base + ".pem.new")
        for kind in ("key", "pem"):
            os.rename(f"{base}.{kind}.new", f"{base}.{kind}")
        return base + ".pem", base + ".key"


def _new_key(path):
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", path]


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}:\n{done.stderr}")
