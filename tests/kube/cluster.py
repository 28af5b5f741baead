"""A real control plane on loopback: etcd, kube-apiserver, kube-controller-manager. No kubelet, so no container runs.

All of it lives in one directory and ends with the context: ports are free ones, certificates and token are made here.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.ports import free_port

_START_TIMEOUT_S = 180.0
_COMMAND_TIMEOUT_S = 180.0
_STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Answer:
    """What a command said: its exit code and both outputs."""

    code: int
    out: str
    error: str

    @property
    def said(self) -> str:
        """Return both outputs, the error last."""
        return "\n".join(text for text in (self.out.strip(), self.error.strip()) if text)


@dataclass(frozen=True)
class Cluster:
    """A running control plane and the clients that talk to it."""

    home: Path
    path: str

    def run(self, *command: str, stdin: str | None = None) -> Answer:
        """Run `helm` or `kubectl` against this cluster; never raises for an exit code."""
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_TIMEOUT_S,
            env=self._environment(),
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def get(self, *arguments: str) -> Any:
        """Return what `kubectl get … -o json` finds."""
        answer = self.run("kubectl", "get", *arguments, "-o", "json")
        if answer.code:
            raise RuntimeError(f"kubectl get {' '.join(arguments)}: {answer.said}")
        return json.loads(answer.out)

    def _environment(self) -> dict[str, str]:
        home = str(self.home)
        return {
            "PATH": self.path,
            "HOME": home,
            "KUBECONFIG": str(self.home / "admin.kubeconfig"),
            "HELM_CACHE_HOME": f"{home}/helm-cache",
            "HELM_CONFIG_HOME": f"{home}/helm-config",
            "HELM_DATA_HOME": f"{home}/helm-data",
        }


@contextlib.contextmanager
def running(programs: Path, helm: Path, home: Path) -> Iterator[Cluster]:
    """Yield a cluster as soon as it says that it is ready; `helm` is that program's directory, or else the PATH has it.

    Raises:
        RuntimeError: a part has not come up; the message ends with its log's last lines.
    """
    server, client_port, peer_port = free_port(), free_port(), free_port()
    token = secrets.token_hex(16)
    _certificates(home)
    (home / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
    _kubeconfig(home, f"https://127.0.0.1:{server}", token)
    cluster = Cluster(home, os.pathsep.join([str(programs), str(helm), os.environ["PATH"]]))
    with contextlib.ExitStack() as parts:
        etcd = f"http://127.0.0.1:{client_port}"
        parts.enter_context(_part(home, [programs / "etcd", *_etcd(home, etcd, f"http://127.0.0.1:{peer_port}")]))
        parts.enter_context(_part(home, [programs / "kube-apiserver", *_apiserver(home, server, etcd)]))
        _wait_until_ready(cluster)
        parts.enter_context(_part(home, [programs / "kube-controller-manager", *_controllers(home)]))
        yield cluster


def _etcd(home: Path, client: str, peer: str) -> list[str]:
    return [
        f"--data-dir={home / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # it lives as long as this run
        "--log-level=warn",
    ]


def _apiserver(home: Path, port: int, etcd: str) -> list[str]:
    """Return its flags: all admission plugins that are on by default stay on, PodSecurity among them."""
    return [
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--endpoint-reconciler-type=none",
        f"--cert-dir={home}",
        f"--tls-cert-file={home / 'server.crt'}",
        f"--tls-private-key-file={home / 'server.key'}",
        f"--token-auth-file={home / 'tokens.csv'}",
        "--anonymous-auth=false",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/108",  # both families, as a ci file asks for IPv6
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={home / 'accounts.key'}",
        f"--service-account-signing-key-file={home / 'accounts.key'}",
    ]


def _controllers(home: Path) -> list[str]:
    return [
        f"--kubeconfig={home / 'admin.kubeconfig'}",
        f"--service-account-private-key-file={home / 'accounts.key'}",
        f"--root-ca-file={home / 'ca.crt'}",
        f"--cert-dir={home}",
        "--bind-address=127.0.0.1",
        f"--secure-port={free_port()}",
        "--use-service-account-credentials=false",
        "--leader-elect=false",
    ]


@contextlib.contextmanager
def _part(home: Path, command: Sequence[Path | str]) -> Iterator[None]:
    """Run one program with its log in the home directory; it must still run at the end."""
    name = Path(command[0]).name
    with (home / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=subprocess.STDOUT, cwd=home)
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended by itself with {process.returncode}: {_last_lines(home, name)}")
        finally:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(cluster: Cluster) -> None:
    until = time.monotonic() + _START_TIMEOUT_S
    while cluster.run("kubectl", "get", "--raw", "/readyz").code:
        if time.monotonic() > until:
            raise RuntimeError(f"kube-apiserver is not ready: {_last_lines(cluster.home, 'kube-apiserver')}")
        time.sleep(1)


def _last_lines(home: Path, name: str, *, lines: int = 12) -> str:
    return "\n".join((home / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])


def _certificates(home: Path) -> None:
    """Make a certificate authority, the server's certificate and the key that signs service accounts' tokens."""
    (home / "server.ext").write_text("subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=driftline-ca -keyout ca.key -out ca.crt",
        "req -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.crt",
        "genrsa -out accounts.key 2048",
    ):
        subprocess.run(["openssl", *command.split()], cwd=home, check=True, capture_output=True)


def _kubeconfig(home: Path, url: str, token: str) -> None:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url, "certificate-authority": str(home / "ca.crt")}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "admin"}}],
        "current-context": "c",
    }
    path = home / "admin.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(content))
