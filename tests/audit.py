"""Audit: known vulnerabilities in the locked packages, where the package index answers that question. Part of `make check`."""

import json
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Exit code 1 when a package has a known vulnerability; an index without advisories is reported and passes."""
    command = [Path(sys.executable).parent / "pip-audit", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"pip-audit: not asked: {done.stderr.strip().splitlines()[-1:] or 'no answer'}")
        return 0
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        print(f"pip-audit: this index answers no question about vulnerabilities ({len(packages)} packages not audited)")
        return 0
    found = [(package["name"], package["version"], vuln["id"]) for package in audited for vuln in package["vulns"]]
    for name, version, number in found:
        print(f"pip-audit: {name} {version}: {number}")
    print(f"pip-audit: {len(audited)} of {len(packages)} packages audited, {len(found)} vulnerabilities")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
