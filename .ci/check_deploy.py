"""Checks deploy/ with promtool: the alert rules, and every query of the dashboard and of the autoscaler as a rule of its own.

Looks for promtool on the PATH; else takes it from Debian's package prometheus, unpacked and not installed.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
VARIABLES = {"$__rate_interval": "5m", "$model": ".*", "$instance": ".*"}


def promtool(folder):
    found = shutil.which("promtool")
    if found:
        return found
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return None
    if subprocess.run(["apt-get", "download", "-q", "prometheus"], cwd=folder, capture_output=True).returncode:
        subprocess.run(["apt-get", "update", "-q"], capture_output=True)
        if subprocess.run(["apt-get", "download", "-q", "prometheus"], cwd=folder, capture_output=True).returncode:
            return None
    package = next(pathlib.Path(folder).glob("prometheus_*.deb"))
    subprocess.run(["dpkg", "-x", str(package), folder], check=True)
    return str(pathlib.Path(folder) / "usr" / "bin" / "promtool")


def queries():
    dashboard = json.loads((DEPLOY / "grafana" / "sluice.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            yield expression
    keda = (DEPLOY / "keda" / "scaledobject.yaml").read_text()
    yield from re.findall(r"query: (.*)", keda)


def main():
    with tempfile.TemporaryDirectory() as folder:
        tool = promtool(folder)
        if tool is None:
            sys.exit("there is no promtool, and Debian's package prometheus could not be fetched")
        rules = [{"record": f"q:{i}", "expr": query} for i, query in enumerate(queries())]
        assert len(rules) > 20, "the dashboard's queries were not found"
        made = pathlib.Path(folder) / "queries.yaml"
        made.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))  # JSON is YAML
        for path in (DEPLOY / "prometheus" / "alerts.yaml", made):
            subprocess.run([tool, "check", "rules", str(path)], check=True)


if __name__ == "__main__":
    main()
