#!/usr/bin/env python3
"""Checks Dockerfile.cuda, and goes through it as far as that can be without Docker.

    .ci/rehearse_image.py lint      reads it: what an image must have, and must not
    .ci/rehearse_image.py           lint, then: runs the build stage's steps on a copy of what the image would be given, puts the
                                    last stage's files together, and serves from them with its environment and entry point, from
                                    files that cannot be written, on the CPU; asks its health check, and stops it. libtorch's archive
                                    is one that is made here: it is to be taken with its checksum, and refused with another or none
    .ci/rehearse_image.py --built   the same from this tree's latest build in place of the build stage

Not rehearsed, and said so: what apt-get, curl and useradd do, the real libtorch, and whether a GPU is found. Needs git and a JDK 25.
"""
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "Dockerfile.cuda"
OUTSIDE = re.compile(r"^(apt-get|curl|groupadd|test -f /opt/libtorch|test -f native/target/classes/io/sluice/device/libsluice_cuda)")
WEIGHTS = re.compile(r"\.(gguf|safetensors|bin|pt|pth)$")


class Problem(Exception):
    pass


def instructions():
    """The file's instructions in order: (line, name, arguments), lines put together."""
    result, pending, start = [], "", 0
    for number, line in enumerate(DOCKERFILE.read_text().splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and not pending):
            continue
        start = start if pending else number
        if line.endswith("\\"):
            pending += line[:-1].strip() + " "
            continue
        name, _, arguments = (pending + line.strip()).partition(" ")
        result.append((start, name.upper(), arguments.strip()))
        pending = ""
    return result


def stages(all_instructions):
    """The stages in order, each with its instructions; arguments before the first are stage None."""
    result, name = [(None, [])], None
    for each in all_instructions:
        if each[1] == "FROM":
            words = each[2].split()
            name = words[2] if len(words) == 3 and words[1].upper() == "AS" else "(last)"
            result.append((name, []))
        result[-1][1].append(each)
    return result


def environment(stage):
    values = {}
    for _, name, arguments in stage:
        if name == "ENV":
            for word in re.findall(r"(\w+)=(\S*)", arguments):
                values[word[0]] = word[1]
    return values


def lint():
    found = []
    parts = stages(instructions())
    given = {a.split("=")[0] for _, n, a in parts[0][1] if n == "ARG"}
    names = [name for name, _ in parts[1:]]
    for _, stage in parts[1:]:
        for line, name, arguments in stage:
            def wrong(what):
                found.append(f"{DOCKERFILE.name}:{line}: {what}")

            if name == "FROM" and not (m := re.match(r"\$\{(\w+)}", arguments)):
                wrong("a base image that cannot be pinned by an argument")
            elif name == "FROM" and m.group(1) not in given:
                wrong(f"{m.group(1)} is declared nowhere")
            if name == "RUN" and "apt-get install" in arguments:
                if "--no-install-recommends" not in arguments or "rm -rf /var/lib/apt/lists/*" not in arguments:
                    wrong("apt-get leaves things behind")
            if name in ("ADD", "MAINTAINER"):
                wrong(f"{name} is not wanted")
            if name == "COPY" and (m := re.search(r"--from=(\S+)", arguments)) and m.group(1) not in names:
                wrong(f"no stage {m.group(1)}")
            if name in ("CMD", "ENTRYPOINT") and not arguments.startswith("["):
                wrong(f"{name} through a shell, which would keep signals to itself")
            if name == "ARG" and arguments.startswith("LIBTORCH_SHA256="):
                wrong("a default for the archive's checksum, which is given or waived by whoever builds")
            if re.search(r"(password|secret|api_key)\s*=\s*\S", arguments, re.I) or re.search(r"sk-[A-Za-z0-9]{8}", arguments):
                wrong("looks like a secret")
    for name in given:
        value = next(a.split("=", 1)[1] for _, n, a in parts[0][1] if n == "ARG" and a.startswith(name + "="))
        if ":" not in value or value.endswith(":latest"):
            found.append(f"{DOCKERFILE.name}: {name} names no version")
    last = parts[-1][1]
    of = {name: arguments for _, name, arguments in last}
    users = [a for _, n, a in last if n == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        found.append(f"{DOCKERFILE.name}: the last stage does not run as a user other than root, by number")
    for wanted in ("HEALTHCHECK", "STOPSIGNAL", "VOLUME", "EXPOSE", "ENTRYPOINT"):
        if wanted not in of:
            found.append(f"{DOCKERFILE.name}: the last stage has no {wanted}")
    if any(n == "COPY" and "--from" not in a for _, n, a in last):
        found.append(f"{DOCKERFILE.name}: the last stage copies from the build's context, where weights may lie")
    volumes = re.findall(r'"(/[^"]*)"', of.get("VOLUME", ""))
    if sorted(volumes) != ["/models", "/var/lib/sluice"]:
        found.append(f"{DOCKERFILE.name}: volumes are one for models and one for what is written, not {volumes}")
    if found:
        raise Problem("\n".join(found))
    if shutil.which("hadolint"):
        subprocess.run(["hadolint", "--ignore", "DL3008", str(DOCKERFILE)], check=True)
    print(f"lint: {len(instructions())} instructions, nothing wrong"
          + ("" if shutil.which("hadolint") else " (hadolint is not there)"))


def jdk():
    home = subprocess.run(["sh", "-c", f". {ROOT}/.mvn/find-jdk.sh && echo $JAVA_HOME"],
                          check=True, capture_output=True, text=True).stdout.strip()
    return Path(home)


class Rehearsal:
    def __init__(self, folder, built):
        self.folder = folder
        self.built = built
        self.parts = dict(stages(instructions())[1:])
        self.source = ROOT if built else folder / "src"
        self.image = folder / "image"  # what the last stage's / would be
        self.state = folder / "state"
        self.skipped = []

    def there(self, text, image=False):
        """Paths of the build stage, or of the image, as they are here."""
        base = self.image if image else self.folder / "build"
        text = re.sub(r"(?<![\w.])/var/lib/sluice", str(self.state), text)
        if not image:
            text = re.sub(r"(?<![\w.])/src(?=/|\b)", str(self.source), text)
        return re.sub(r"(?<![\w./])/opt/", f"{base}/opt/", text)

    def build(self):
        (self.folder / "build/opt").mkdir(parents=True)
        if not self.built:
            self.source.mkdir()
            files = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"],
                                   check=True, capture_output=True).stdout.split(b"\0")
            for name in filter(None, map(os.fsdecode, files)):
                if (ROOT / name).is_file():
                    (self.source / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / name, self.source / name)
        env = {**os.environ, "JAVA_HOME": str(jdk())}
        for _, name, arguments in self.parts["build"]:
            if name != "RUN":
                continue
            if OUTSIDE.match(arguments) or (self.built and "mvnw" in arguments):
                self.skipped.append(arguments)
                continue
            print("RUN", arguments[:110])
            subprocess.run(["sh", "-c", self.there(arguments)], cwd=self.source, env=env, check=True)

    def archive(self):
        """The libtorch stage, with a curl and an unzip of ours: what is taken, and what is not."""
        bin, archive = self.folder / "bin", self.folder / "archive"
        bin.mkdir()
        archive.write_bytes(b"an archive")
        right = hashlib.sha256(archive.read_bytes()).hexdigest()
        (bin / "curl").write_text(f'#!/bin/sh\ncp {archive} "$3"\n')
        (bin / "unzip").write_text(f'#!/bin/sh\ntouch {self.folder}/unpacked\n')
        for tool in bin.iterdir():
            tool.chmod(0o755)
        expected = {"": False, "0" * 63: False, "0" * 64: False, right.upper(): False, right: True, "unchecked": True}
        for checksum, taken in expected.items():
            (self.folder / "unpacked").unlink(missing_ok=True)
            said, ended = self.run_archive_steps(bin, checksum)
            if (ended == 0) != taken or (self.folder / "unpacked").exists() != taken:
                raise Problem(f"libtorch's archive with LIBTORCH_SHA256={checksum!r}: ended with {ended}: {said}")
            if not checksum and "--build-arg LIBTORCH_SHA256" not in said:
                raise Problem(f"a build without LIBTORCH_SHA256 does not say what to do: {said}")
        print("libtorch's archive is taken with its checksum or knowingly without, and refused otherwise")

    def run_archive_steps(self, bin, checksum):
        env = {"PATH": f"{bin}:{os.environ['PATH']}", "LIBTORCH_URL": "https://example.invalid/libtorch.zip", "LIBTORCH_SHA256": checksum}
        said = ""
        for _, name, arguments in self.parts["libtorch"]:
            if name != "RUN" or re.match("apt-get|test -f", arguments):
                continue
            step = arguments.replace("/tmp/libtorch.zip", str(self.folder / "libtorch.zip"))
            done = subprocess.run(["sh", "-c", step], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            said += done.stdout
            if done.returncode:
                return said, done.returncode
        return said, 0

    def assemble(self):
        for _, name, arguments in self.parts["(last)"]:
            if name != "COPY":
                continue
            stage, source, target = re.fullmatch(r"--from=(\S+) (\S+) (\S+)", arguments).groups()
            if stage == "libtorch":
                self.skipped.append("COPY " + arguments)
                continue
            source, target = Path(self.there(source)), Path(self.there(target, image=True))
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            else:
                shutil.copy2(source, target)
        weights = [str(p) for p in self.image.rglob("*") if WEIGHTS.search(p.name)]
        if weights:
            raise Problem("weights in the image: " + ", ".join(weights))
        for path in [*self.image.rglob("*"), self.image]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
        self.state.mkdir()
        self.before = self.files()

    def files(self):
        return {str(p.relative_to(self.image)): p.lstat().st_mtime_ns for p in self.image.rglob("*")}

    def serve(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        last = self.parts["(last)"]
        env = {name: self.there(value, image=True) for name, value in environment(last).items()}
        env["PATH"] = env["PATH"].replace("$PATH", os.environ["PATH"])
        env.update(SLUICE_DEVICE="cpu", SLUICE_ALLOW_ANONYMOUS="true", SLUICE_ADMIN_PORT="off", SLUICE_PORT=str(port))
        del env["PYTORCH_LIBRARY_PATH"], env["LD_LIBRARY_PATH"]
        words = {n: json.loads(self.there(a, image=True)) for _, n, a in last if n in ("ENTRYPOINT", "CMD")}
        check = re.search(r"CMD (\[.*])", next(a for _, n, a in last if n == "HEALTHCHECK")).group(1)
        log = self.folder / "log"
        with log.open("w") as out:
            process = subprocess.Popen(words["ENTRYPOINT"] + words["CMD"], env=env, stdout=out, stderr=subprocess.STDOUT,
                                       cwd=self.image)
            try:
                self.await_health(process, json.loads(check), env, log)
                process.send_signal(signal.SIGTERM)
                code = process.wait(timeout=60)
            finally:
                if process.poll() is None:
                    process.kill()
        text = log.read_text()
        if code != 0 or "Stopping" not in text:
            raise Problem(f"SIGTERM ended it with {code}:\n{text}")
        print(text.strip())
        print("the health check was answered; SIGTERM ended it with 0")

    def await_health(self, process, check, env, log):
        """At most for two minutes, as the health check's start period. It is healthy while the weights load, too."""
        for _ in range(240):
            if process.poll() is not None:
                break
            healthy = subprocess.run(check, env=env, capture_output=True).returncode == 0
            if healthy and "Serving" in log.read_text():
                return
            time.sleep(0.5)
        raise Problem("it does not get healthy:\n" + log.read_text())

    def written(self):
        """Whatever it wrote must lie in the state volume."""
        made = sorted({p.relative_to(self.state).parts[0] for p in self.state.rglob("*")})
        print("written in the state volume:", ", ".join(made))
        changed = {path for path, when in self.files().items() if self.before.get(path) != when}
        if changed:  # root may write whatever the modes say
            raise Problem("written into the image: " + ", ".join(sorted(changed)))


def main(arguments):
    lint()
    if arguments == ["lint"]:
        return
    if arguments not in ([], ["--built"]):
        raise Problem(__doc__)
    folder = Path(tempfile.mkdtemp(prefix="sluice-image-"))
    try:
        rehearsal = Rehearsal(folder, arguments == ["--built"])
        rehearsal.archive()
        rehearsal.build()
        rehearsal.assemble()
        rehearsal.serve()
        rehearsal.written()
        print("not rehearsed here: " + "; ".join(s[:70] for s in rehearsal.skipped) + "; GPUs")
    finally:
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Problem, subprocess.CalledProcessError) as problem:
        sys.exit(str(problem))
