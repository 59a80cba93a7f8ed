"""What the app is delivered with fits the app: image, compose file, Kubernetes and systemd examples."""

import re
import shlex
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from saleor_cinetpay import cli, serve_command
from saleor_cinetpay.edge.proxies import Trusted
from saleor_cinetpay.settings import Settings

ROOT = Path(__file__).parents[1]
SETTINGS = {name.upper() for name in Settings.model_fields}
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))


def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions of the image, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [(words[0], words[1]) for line in joined.splitlines() if len(words := line.split(None, 1)) == 2]


def compose() -> dict[str, Any]:
    """Return the services of compose.yaml."""
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return services


def workloads() -> list[dict[str, Any]]:
    """Return the pods of the Kubernetes example."""
    documents = [one for path in MANIFESTS for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    return [one["spec"]["template"]["spec"] for one in documents if one["kind"] == "Deployment"]


def unit(path: Path) -> ConfigParser:
    """Read a unit, of whose repeated keys the last counts."""
    read = ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(path)
    return read


def is_a_command(words: list[str]) -> bool:
    """Say whether the command line has that command with these options."""
    command = cli.app.commands.get(words[0])
    if command is None:
        return False
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return all(word in options for word in words[1:])


def test_the_image_runs_without_root_and_without_a_shell() -> None:
    """It has a user of its own, and everything that is run at run time is run without a shell."""
    last = {name: value for name, value in dockerfile() if name in {"USER", "ENTRYPOINT", "CMD", "HEALTHCHECK"}}
    assert "10001:10001" == last["USER"]
    assert '["saleor-cinetpay"]' == last["ENTRYPOINT"]
    assert '["serve"]' == last["CMD"]
    assert "CMD [" in last["HEALTHCHECK"]
    assert ("STOPSIGNAL", "SIGTERM") in dockerfile()


def test_the_image_installs_only_what_is_locked() -> None:
    """Every package comes with its hash, from the lock, and nothing is built from source but the app."""
    installs = [part for name, value in dockerfile() if name == "RUN" for part in value.split("&&") if "pip " in part]
    fetching = [part for part in installs if "--no-index" not in part and "--no-deps" not in part]
    assert 2 == len(fetching)
    assert [] == [part for part in fetching if "--require-hashes" not in part or "--only-binary=:all:" not in part]


def test_both_stages_are_of_one_base_that_can_be_pinned() -> None:
    """The digest is given once, and both stages take it."""
    bases = [value.split()[0] for name, value in dockerfile() if name == "FROM"]
    assert ["${PYTHON}", "${PYTHON}"] == bases
    assert ("ARG", "PYTHON=python:3.13-slim") in dockerfile()


def test_the_composition_fits_the_app() -> None:
    """Two processes serve and one settles, each by a command that there is, with settings that there are."""
    services = compose()
    assert 2 == services["app"]["deploy"]["replicas"]
    for name in ("app", "worker"):
        service = services[name]
        assert is_a_command(service["command"]), service["command"]
        assert set() == set(service["environment"]) - SETTINGS
        assert (True, ["ALL"]) == (service["read_only"], service["cap_drop"])
        assert "172.30.61.7" in Trusted(service["environment"]["FORWARDED_ALLOW_IPS"])


def test_the_example_environment_names_settings() -> None:
    """Each variable of the example is a setting."""
    text = (ROOT / "deploy" / "cinetpay.env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE))
    assert {"SECRET_KEY", "APP_API_BASE_URL"} <= names <= SETTINGS


def test_the_proxy_leads_to_the_app_and_keeps_the_metrics_inside() -> None:
    """The proxy finds every process of the app, tries another where one is gone, and shows nobody the metrics."""
    text = (ROOT / "deploy" / "proxy" / "Caddyfile").read_text(encoding="utf-8")
    assert [] == [
        line for line in ("dynamic a app 8000", "lb_try_duration", "respond /metrics 404") if line not in text
    ]
    assert "X-Frame-Options" not in text


def test_the_pods_are_locked_down_and_fit_the_app() -> None:
    """No root, nothing to write, no privilege; commands, ports and probes of the app."""
    pods = workloads()
    assert 2 == len(pods)
    for pod in pods:
        (container,) = pod["containers"]
        assert is_a_command(container["args"]), container["args"]
        assert (True, 10001) == (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"])
        assert {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        } == container["securityContext"]
        assert set() == {variable["name"] for variable in container.get("env", [])} - SETTINGS
    (serving,) = [pod["containers"][0] for pod in pods if "ports" in pod["containers"][0]]
    assert Settings.model_fields["port"].default == serving["ports"][0]["containerPort"]
    probes = {serving[name]["httpGet"]["path"] for name in ("livenessProbe", "readinessProbe", "startupProbe")}
    assert {"/health/live", "/health/ready"} == probes


def test_every_manifest_is_applied() -> None:
    """The kustomization names each file beside it."""
    (kustomization,) = [path for path in MANIFESTS if path.name == "kustomization.yaml"]
    named = yaml.safe_load(kustomization.read_text(encoding="utf-8"))["resources"]
    assert sorted(path.name for path in MANIFESTS if path != kustomization) == sorted(named)


def test_a_process_is_given_the_time_to_finish() -> None:
    """Everywhere the app is stopped it has longer than it takes at most."""
    least = serve_command.GRACEFUL_SHUTDOWN_S
    pods = [pod["terminationGracePeriodSeconds"] for pod in workloads()]
    units = [int(unit(path)["Service"]["TimeoutStopSec"]) for path in UNITS]
    composed = [int(compose()[name]["stop_grace_period"].removesuffix("s")) for name in ("app", "worker")]
    assert all(seconds >= least + 10 for seconds in [*pods, *units, *composed])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_a_command_without_root(path: Path) -> None:
    """systemd starts a command that there is, as nobody, with settings that there are."""
    service = unit(path)["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert "saleor-cinetpay" == Path(program).name
    assert is_a_command(words), words
    assert ("yes", "strict", "yes") == (
        service["DynamicUser"],
        service["ProtectSystem"],
        service["NoNewPrivileges"],
    )
    named = re.findall(r"^Environment=.*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    variables = {pair.partition("=")[0] for line in named for pair in shlex.split(line.partition("=")[2])}
    assert set() == variables - SETTINGS
