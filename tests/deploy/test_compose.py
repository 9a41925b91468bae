"""What `docker-compose.yml` promises: health, no default password, one lock, TLS for whatever leaves loopback."""

import re
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from deploy.docker import provision
from deploy.rabbitmq.accounts import SERVICES

ROOT = Path(__file__).resolve().parents[2]
PASSWORDS = {f"BINAAN_{name}_PASSWORD" for name in ("ADMIN", "REGISTRY", "AID", "NOTIFY")}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return content


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the script needs, in which it has run."""
    root = tmp_path_factory.mktemp("compose")
    (root / "deploy" / "docker").mkdir(parents=True)
    for name in ("docker-compose.yml", "deploy/docker/make-secrets.sh"):
        shutil.copy(ROOT / name, root / name)
    make_secrets(root)
    return root


def make_secrets(root: Path) -> None:
    subprocess.run(["sh", "deploy/docker/make-secrets.sh", "broker.dinas.example"], cwd=root, check=True)


def texts(value: Any) -> list[str]:
    """All strings in a YAML tree."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [str(value)]


def test_every_part_is_there(compose: dict[str, Any]) -> None:
    """Broker, database, the job that prepares them, and the three services; nothing starts before what it needs."""
    services = compose["services"]
    assert set(services) == {"rabbitmq", "mongodb", "provision", *SERVICES}
    assert services["rabbitmq"]["image"] == "rabbitmq:4-management"
    assert services["mongodb"]["image"] == "mongo:8"
    assert "--replSet binaan --keyFile" in services["mongodb"]["entrypoint"][-1]
    for server in ("rabbitmq", "mongodb"):
        assert services["provision"]["depends_on"][server]["condition"] == "service_healthy"
    for service in SERVICES:
        assert services[service]["command"] == ["python", "-m", f"services.{service}"]
        assert services[service]["depends_on"]["provision"]["condition"] == "service_completed_successfully"


def test_every_lasting_part_says_how_it_is(compose: dict[str, Any]) -> None:
    """A health check each, with an end: all but the job, which just ends."""
    for name, service in compose["services"].items():
        if name != "provision":
            assert {"test", "interval", "timeout", "retries"} <= service["healthcheck"].keys(), name
            assert service["restart"] == "unless-stopped"


def test_no_password_has_a_default(compose: dict[str, Any]) -> None:
    """Whoever forgets to make secrets gets an error, not an open system."""
    used = [match for text in texts(compose) for match in re.findall(r"\$\{(\w+PASSWORD)(.*?)\}", text)]
    assert {name for name, _ in used} == PASSWORDS
    assert all(rest.startswith(":?") for _, rest in used)
    example = (ROOT / ".env.example").read_text()
    assert {line for line in example.splitlines() if line and not line.startswith("#")} == {f"{n}=" for n in PASSWORDS}


def test_no_password_is_written_down(compose: dict[str, Any]) -> None:
    """Every URL with a login takes its password from the environment."""
    logins = [match for text in texts(compose) for match in re.findall(r"://[^/@:]+:(.*?)@", text)]
    assert len(logins) == 1 + 2 * len(SERVICES)
    assert all(re.fullmatch(r"\$\{\w+_PASSWORD:\?.*\}", login) for login in logins)


def test_only_amqps_leaves_loopback(compose: dict[str, Any]) -> None:
    """The database is not published at all; plain HTTP is for this machine."""
    published = {name: service.get("ports", []) for name, service in compose["services"].items()}
    outside = [port for ports in published.values() for port in ports if not port.startswith("127.0.0.1:")]
    assert outside == ["5671:5671"]
    assert published["mongodb"] == []
    assert not any(service.get("network_mode") for service in compose["services"].values())


def test_broker_speaks_tls_of_today() -> None:
    """1.2 and 1.3, with the certificate that the script makes."""
    lines = (ROOT / "deploy/docker/rabbitmq.conf").read_text().splitlines()
    settings = dict(line.split(" = ") for line in lines if " = " in line)
    assert settings["listeners.ssl.default"] == "5671"
    assert {settings["ssl_options.versions.1"], settings["ssl_options.versions.2"]} == {"tlsv1.2", "tlsv1.3"}
    assert settings["ssl_options.certfile"] == "/etc/rabbitmq/certs/server.pem"


def test_services_can_do_little(compose: dict[str, Any]) -> None:
    """Not root, nothing to write to but /tmp and the spool, no capability."""
    assert re.search(r"^USER 10001$", (ROOT / "deploy/docker/Dockerfile").read_text(), re.MULTILINE)
    for name in ("provision", *SERVICES):
        service = compose["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "user" not in service


def test_service_has_its_own_account_database_and_keys(compose: dict[str, Any]) -> None:
    """As on the local stack: one account, one database, one key file, and nothing of another's."""
    for service in SERVICES:
        part = compose["services"][service]
        mine, environment = f"BINAAN_{service.upper()}_PASSWORD", part["environment"]
        assert set(re.findall(r"\w+_PASSWORD", " ".join(texts(environment)))) == {mine}
        assert environment["BINAAN_AMQP_URL"].startswith(f"amqp://{service}:")
        assert environment["BINAAN_MONGO_DATABASE"] == f"binaan_{service}"
        assert part["secrets"] == [{"source": f"{service}-keys", "target": "keys"}]


def test_no_secret_gets_into_the_image() -> None:
    """The file that keeps them out stands where every builder looks for it."""
    left_out = (ROOT / ".dockerignore").read_text().splitlines()
    assert {"*", "deploy/docker/certs", "deploy/docker/secrets"} <= set(left_out)
    assert not list((ROOT / "deploy" / "docker").glob("*.dockerignore")), "it would take precedence in one builder"


def test_images_lock_is_part_of_the_lock() -> None:
    """The same versions as were tested, each with its hash, and no tool of development."""
    tested, shipped = locked(ROOT / "requirements.lock"), locked(ROOT / "deploy/docker/requirements.lock")
    assert shipped.items() <= tested.items()
    assert not {"pytest", "mypy", "ruff", "testcontainers"} & shipped.keys()


@pytest.mark.parametrize("path", ["requirements.lock", "deploy/docker/requirements.lock", "deploy/local/mongodb.lock"])
def test_lock_has_hashes_and_names_no_index(path: str) -> None:
    """What is installed is what was locked, from wherever it comes."""
    text = (ROOT / path).read_text()
    requirements = re.split(r"\n(?=\w)", text.strip())
    assert all("==" in one and "--hash=sha256:" in one for one in requirements)
    assert "://" not in text
    assert "--index" not in text


def locked(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.\-\[\]]+)==([^\s;]+)", path.read_text(), re.MULTILINE))


def test_made_secrets_are_random_and_closed(made: Path, tmp_path: Path) -> None:
    """Two machines share no secret; on one, only the owner gets to them."""
    lines = dict(line.split("=") for line in (made / ".env").read_text().splitlines())
    assert lines.keys() == PASSWORDS
    assert len({*lines.values()}) == len(PASSWORDS)
    assert all(len(value) == 48 for value in lines.values())
    for service in SERVICES:
        keys = orjson.loads((made / f"deploy/docker/secrets/{service}-keys.json").read_bytes())
        assert keys["current"] in keys["keys"]
    for private in (made / ".env", made / "deploy/docker/secrets", made / "deploy/docker/certs"):
        assert private.stat().st_mode & 0o077 == 0, private
    other = tmp_path / "deploy" / "docker"
    other.mkdir(parents=True)
    shutil.copy(ROOT / "deploy/docker/make-secrets.sh", other)
    make_secrets(tmp_path)
    assert (tmp_path / ".env").read_text() != (made / ".env").read_text()


def test_making_secrets_again_changes_nothing(made: Path) -> None:
    """A second run must never replace the keys that personal data is encrypted with."""
    files = sorted(path for path in made.rglob("*") if path.is_file())
    before = [path.read_bytes() for path in files]
    make_secrets(made)
    assert sorted(path for path in made.rglob("*") if path.is_file()) == files
    assert [path.read_bytes() for path in files] == before


def test_made_certificate_is_good_for_its_names(made: Path) -> None:
    """A client that trusts the CA and checks names gets through, to these names only."""
    certs = made / "deploy" / "docker" / "certs"
    for name, good in (("localhost", True), ("broker.dinas.example", True), ("other.example", False)):
        verified = subprocess.run(
            ["openssl", "verify", "-CAfile", certs / "ca.pem", "-purpose", "sslserver", "-verify_hostname", name,
             certs / "server.pem"],
            capture_output=True, check=False,
        )  # fmt: skip
        assert (verified.returncode == 0) == good, name
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certs / "server.pem", certs / "server.key")
    assert not (certs / "ca.key").exists()


def test_mounted_files_exist(compose: dict[str, Any], made: Path) -> None:
    """Docker makes a folder out of a file that is not there, and the container fails in riddles."""
    mounts = [volume.split(":")[0] for s in compose["services"].values() for volume in s.get("volumes", [])]
    wanted = [path for path in mounts if path.startswith("./")]
    wanted += [secret["file"] for secret in compose["secrets"].values()]
    assert len(wanted) == 9
    for path in wanted:
        assert (made / path).is_file() or (ROOT / path).is_file(), path


def test_compose_accepts_it(made: Path) -> None:
    """The real parser, where it is installed; an engine is not needed."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker client with the compose plugin")
    subprocess.run([docker, "compose", "config", "--quiet"], cwd=made, check=True)
    (made / ".env").rename(made / ".env.away")
    refused = subprocess.run([docker, "compose", "config"], cwd=made, capture_output=True, text=True, check=False)
    (made / ".env.away").rename(made / ".env")
    assert "make-secrets.sh" in refused.stderr


def test_provisioning_job_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its log is all that an operator sees of it."""
    monkeypatch.delenv("BINAAN_REGISTRY_PASSWORD", raising=False)
    assert provision.main() == 2
    assert "BINAAN_REGISTRY_PASSWORD is not set" in capsys.readouterr().err
