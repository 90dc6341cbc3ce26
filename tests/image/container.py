"""Runs a root file system as a container runtime would, for `tests/image.sh`. Runs in namespaces of its own.

The simulated API is behind TLS at a name that only a DNS server of this test knows: a job succeeds only if the program
finds DNS and root certificates in the image.

container.py DOCKERFILE ROOT WORK
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

NAME = "api.kling.test"
SIMULATOR = ("127.0.0.1", 8787)
TIME_LIMIT_S = 60


def dockerfile(path):
    """The instructions of the last stage: name to its last value; ENV as a dictionary."""
    text = path.read_text().replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    stages = [number for number, line in enumerate(lines) if line[0] == "FROM"]
    image = {"ENV": {}}
    for name, value in lines[stages[-1]:]:
        if name == "ENV":
            image["ENV"].update(pair.split("=", 1) for pair in value.split())
        elif name == "HEALTHCHECK":
            image[name] = json.loads(value.split(" CMD ", 1)[1])
        elif value.startswith("["):
            image[name] = json.loads(value)
        else:
            image[name] = value.strip()
    return image


def shell(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def mount_like_a_runtime(root):
    """/proc, /dev, name resolution: what a container runtime puts into every container."""
    shell("mount", "--make-rprivate", "/")
    shell("mount", "--bind", root, root)
    for name in ("proc", "dev", "run"):
        (root / name).mkdir(exist_ok=True)
    shell("mount", "-t", "proc", "proc", root / "proc")
    shell("mount", "-t", "tmpfs", "tmpfs", root / "dev")
    for device in ("null", "zero", "random", "urandom"):
        (root / "dev" / device).touch()
        shell("mount", "--bind", f"/dev/{device}", root / "dev" / device)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")


def serve_dns():
    """Answers every question for an IPv4 address with 127.0.0.1, and every other one with nothing."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def answer():
        while True:
            query, client = server.recvfrom(512)
            # The question: labels up to an empty one, type and class.
            end = query.index(b"\0", 12) + 5
            question = query[12:end]
            wants_address = question[-4:] == b"\0\x01\0\x01"
            header = query[:2] + struct.pack(">HHHHH", 0x8180, 1, int(wants_address), 0, 0)
            record = b"\xc0\x0c\0\x01\0\x01" + struct.pack(">IH", 60, 4) + bytes([127, 0, 0, 1])
            server.sendto(header + question + (record if wants_address else b""), client)

    threading.Thread(target=answer, daemon=True).start()


def make_certificates(work):
    """A root certificate of this test, and a certificate of it for the API's name."""
    shell("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
          "-subj", "/CN=Test root", "-keyout", work / "ca.key", "-out", work / "ca.pem")
    shell("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
          "-subj", f"/CN={NAME}", "-keyout", work / "api.key", "-out", work / "api.csr")
    (work / "names").write_text(f"subjectAltName=DNS:{NAME}\n")
    shell("openssl", "x509", "-req", "-days", "2", "-in", work / "api.csr", "-CA", work / "ca.pem",
          "-CAkey", work / "ca.key", "-CAcreateserial", "-extfile", work / "names", "-out", work / "api.pem")


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve_tls(work):
    """Passes what comes over TLS to the simulator."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(work / "api.pem", work / "api.key")
    listener = socket.create_server(("127.0.0.1", 443))

    def connection(plain):
        try:
            secure = context.wrap_socket(plain, server_side=True)
            simulator = socket.create_connection(SIMULATOR)
        except OSError:
            return
        threading.Thread(target=copy, args=(secure, simulator), daemon=True).start()
        copy(simulator, secure)

    def accept():
        while True:
            threading.Thread(target=connection, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


class Container:
    def __init__(self, image, root):
        self.image, self.root = image, root
        # Without root of the machine there is only one user.
        is_mapped = pathlib.Path("/proc/self/uid_map").read_text().split()[-1] == "1"
        self.user = [] if is_mapped else [f"--userspec={image['USER']}", "--groups="]

    def start(self, command, **options):
        inside = [shutil.which("chroot"), *self.user, self.root, *command]
        return subprocess.Popen(inside, env={"PATH": "/usr/bin", **self.image["ENV"]}, **options)

    def run(self, *arguments):
        command = [*self.image["ENTRYPOINT"], *arguments]
        process = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, _ = process.communicate(timeout=TIME_LIMIT_S)
        return process.returncode, output

    def health(self):
        return self.start(self.image["HEALTHCHECK"], stderr=subprocess.PIPE).wait(timeout=TIME_LIMIT_S)


def check(what, is_ok, shown=""):
    print(f"{'ok' if is_ok else 'NOT ok'}: {what}", flush=True)
    if not is_ok:
        print(shown, flush=True)
        sys.exit(1)


def until(what, condition, shown=lambda: ""):
    deadline = time.monotonic() + TIME_LIMIT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    check(what, condition(), shown())


def main():
    path, root, work = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    image = dockerfile(path)
    shell("ip", "link", "set", "lo", "up")
    mount_like_a_runtime(root)
    serve_dns()
    make_certificates(work)
    serve_tls(work)
    container = Container(image, root)
    simulator = container.start([*image["ENTRYPOINT"], "simulate", "--task-time", "1s"], stdout=subprocess.PIPE, text=True)
    secret = next(line.split("=")[1].strip() for line in simulator.stdout if "KLING_SECRET_KEY=" in line)

    state = root / image["VOLUME"][0].lstrip("/")
    check("the volume belongs to the user", not container.user or f"{state.stat().st_uid}:{state.stat().st_gid}" == image["USER"])
    check("the working directory exists", (root / image["WORKDIR"].lstrip("/")).is_dir())
    config = root / "etc/lipsyncd/lipsyncd.yaml"
    config.write_text(config.read_text() + f"\nkling: {{ base_url: https://{NAME} }}\n"
                      "download: { allow_hosts: [127.0.0.1] }\nwatch: { settle: 100ms }\n")
    (state / "jobs/first.yaml").write_text(
        "video: https://cdn.example.com/v.mp4?duration_ms=9000\n"
        "audio: https://cdn.example.com/a.mp3?duration_ms=5000\nsound_end_time: 4s\n")
    secrets = root / image["ENV"]["CREDENTIALS_DIRECTORY"].lstrip("/")
    secrets.mkdir()
    (secrets / "kling_access_key").write_text("sim-access-key\n")
    (secrets / "kling_secret_key").write_text(secret)

    code, output = container.run("doctor")
    check("a server with an unknown certificate is refused", code == 1 and "ertificate" in output, output)
    roots = root / "etc/ssl/certs/ca-certificates.crt"
    roots.write_text(roots.read_text() + (work / "ca.pem").read_text())
    code, output = container.run("doctor")
    check("DNS and root certificates are found", f"https://{NAME} answered" in output, output)
    check("doctor finds no errors", code == 0, output)

    check("the image is unhealthy without a daemon", container.health() == 1)
    log = work / "log"
    daemon = container.start([*image["ENTRYPOINT"], *image["CMD"]], stdout=log.open("w"), stderr=subprocess.STDOUT)
    result = state / "output/first.mp4"
    until("a job succeeds", result.exists, log.read_text)
    check("the result belongs to the user", not container.user or str(result.stat().st_uid) == image["USER"].split(":")[0])
    check("the image is healthy", container.health() == 0)
    daemon.send_signal(getattr(signal, image["STOPSIGNAL"]))
    check("the stop signal ends it", daemon.wait(timeout=TIME_LIMIT_S) == 0, log.read_text())
    simulator.terminate()


if __name__ == "__main__":
    main()
