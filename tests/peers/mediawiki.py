"""A real MediaWiki on loopback: Debian's package, a database of its own, PHP's own web server. And people who act on it."""

import os
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx

CODE = Path("/usr/share/mediawiki")
PASSWORD = "An-invented-passphrase-7"
ADMIN = "Rosa"
SETTINGS = """
$wgEnableUploads = true;
$wgUploadDirectory = "{folder}/images";
$wgFileExtensions = [ 'png', 'txt' ];
$wgVerifyMimeType = false;
$wgShowExceptionDetails = true;
$wgRateLimits = [];
$wgJobRunRate = 0;
$wgRCFeeds['file'] = [
    'formatter' => 'JSONRCFeedFormatter', 'uri' => 'udp://127.0.0.1:{feed}', 'add_interwiki_prefix' => false, 'omit_bots' => false
];
$wgGroupPermissions['sysop']['autopatrol'] = false;
$wgUseRCPatrol = true;
$wgPasswordPolicy['policies']['default'] = [];
"""


def missing() -> str | None:
    """Why no MediaWiki can be started here, or None."""
    if not (CODE / "maintenance" / "install.php").exists():
        return "there is no MediaWiki here: apt-get install --no-install-recommends mediawiki php-sqlite3"
    try:
        modules = subprocess.run(["php", "-m"], capture_output=True, text=True, check=False).stdout.split()
    except OSError:
        return "there is no php here: apt-get install php-cli"
    lacking = [name for name in ("pdo_sqlite", "mbstring", "xml", "intl") if name not in modules]
    return f"php lacks {', '.join(lacking)}" if lacking else None


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with closing(socket.socket(socket.AF_INET, kind)) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class MediaWiki:
    """One wiki. `start` and `stop` may alternate; the database stays."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.feed_port = folder, free_port(), free_port(socket.SOCK_DGRAM)
        self.url = f"http://127.0.0.1:{self.port}/api.php"
        self._server: subprocess.Popen[bytes] | None = None

    def install(self) -> None:
        for part in ("data", "images", "cache"):
            (self.folder / part).mkdir(parents=True)
        arguments = ["--dbtype", "sqlite", "--dbpath", str(self.folder / "data"), "--confpath", str(self.folder)]
        arguments += ["--server", f"http://127.0.0.1:{self.port}", "--scriptpath", "", "--pass", PASSWORD, "--lang", "en"]
        done = subprocess.run(
            ["php", str(CODE / "maintenance" / "install.php"), *arguments, "Garden", ADMIN],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        with (self.folder / "LocalSettings.php").open("a") as settings:
            settings.write(SETTINGS.format(folder=self.folder, feed=self.feed_port))

    def start(self) -> None:
        environment = {**os.environ, "MW_CONFIG_FILE": str(self.folder / "LocalSettings.php"), "PHP_CLI_SERVER_WORKERS": "3"}
        with (self.folder / "php.log").open("ab") as log:
            self._server = subprocess.Popen(
                ["php", "-S", f"127.0.0.1:{self.port}", "-t", str(CODE)],
                cwd=CODE,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + 30
        while True:
            with suppress(httpx.HTTPError):
                if httpx.get(self.url, timeout=10).status_code == 200:
                    return
            if time.monotonic() > until:
                raise RuntimeError((self.folder / "php.log").read_text()[-2000:])
            time.sleep(0.1)

    def stop(self) -> None:
        if self._server is not None:
            # PHP's server leaves its workers behind: the group ends.
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
            self._server = None

    def sql(self, statement: str) -> None:
        """Change the wiki's database behind its back."""
        with closing(sqlite3.connect(self.folder / "data" / "my_wiki.sqlite", timeout=30)) as con, con:
            con.execute(statement)

    def person(self, name: str) -> "Person":
        return Person(self, name)


class Person:
    """Somebody with an account, signed in; or nobody, who edits from an address."""

    def __init__(self, wiki: MediaWiki, name: str | None) -> None:
        self.name = name or "127.0.0.1"
        self._client = httpx.Client(timeout=60)
        self._url, self._token = wiki.url, "+\\"
        if name:
            self._sign_in(name)

    def _sign_in(self, name: str) -> None:
        token = self._get(action="query", meta="tokens", type="login")["query"]["tokens"]["logintoken"]
        done = self._post(action="login", lgname=name, lgpassword=PASSWORD, lgtoken=token)
        if done["login"]["result"] != "Success":
            raise RuntimeError(str(done))
        self._token = self._get(action="query", meta="tokens")["query"]["tokens"]["csrftoken"]

    def does(self, action: str, **parameters: object) -> dict:
        """One action that needs a token; its part of the answer."""
        answer = self._post(action=action, token=self._token, **parameters)
        if "error" in answer:
            raise RuntimeError(f"{action}: {answer['error']}")
        return answer[action]

    def edits(self, title: str, text: str, **more: object) -> int:
        """Save a page; the number of the revision."""
        return self.does("edit", title=title, text=text, **more)["newrevid"]

    def rolls_back(self, title: str, whose: str) -> int:
        token = self._get(action="query", meta="tokens", type="rollback")["query"]["tokens"]["rollbacktoken"]
        answer = self._post(action="rollback", title=title, user=whose, token=token)
        return answer["rollback"]["revid"]

    def patrols(self, revision: int) -> None:
        token = self._get(action="query", meta="tokens", type="patrol")["query"]["tokens"]["patroltoken"]
        answer = self._post(action="patrol", revid=revision, token=token)
        if "error" in answer:
            raise RuntimeError(str(answer))

    def uploads(self, name: str, content: bytes) -> None:
        files = {"file": (name, content, "text/plain")}
        data = {"action": "upload", "filename": name, "token": self._token, "format": "json", "ignorewarnings": "1"}
        answer = self._client.post(self._url, data=data, files=files).json()
        if answer.get("upload", {}).get("result") != "Success":
            raise RuntimeError(str(answer))

    def makes_account(self, name: str) -> None:
        token = self._get(action="query", meta="tokens", type="createaccount")["query"]["tokens"]["createaccounttoken"]
        answer = self._post(
            action="createaccount",
            username=name,
            password=PASSWORD,
            retype=PASSWORD,
            createreturnurl="http://127.0.0.1/",
            createtoken=token,
        )
        if answer.get("createaccount", {}).get("status") != "PASS":
            raise RuntimeError(str(answer))

    def lists(self, **parameters: object) -> list:
        answer = self._get(action="query", **parameters)
        return next(iter(answer["query"].values()))

    def _get(self, **parameters: object) -> dict:
        return self._client.get(self._url, params={"format": "json", "formatversion": "2", **parameters}).json()

    def _post(self, **parameters: object) -> dict:
        data = {"format": "json", "formatversion": "2", **{k: str(v) for k, v in parameters.items()}}
        return self._client.post(self._url, data=data).json()
