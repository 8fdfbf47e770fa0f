"""What a schema can't see: replicas and rate go together, and no container may do more than it needs."""

import sys
import tomllib

import yaml

CHAT_ALLOWS = 200


def is_gateways(deployment):
    return any(
        container["name"] == "group-import-gateway"
        for kind in ("containers", "initContainers")
        for container in deployment["spec"]["template"]["spec"].get(kind, [])
    )


def check(path):
    documents = [document for document in yaml.safe_load_all(open(path)) if document]
    [deployment] = [document for document in documents if document["kind"] == "Deployment" and is_gateways(document)]
    [config] = [document for document in documents if document["kind"] == "ConfigMap" and "gateway.toml" in document["data"]]
    config = tomllib.loads(config["data"]["gateway.toml"])
    spec = deployment["spec"]
    pod = spec["template"]["spec"]

    limit = config.get("rate_limit", {})
    shared = limit.get("backend") == "redis"
    if shared:
        assert limit["replicas"] == spec["replicas"], f"{path}: the rate is shared by {limit['replicas']}, {spec['replicas']} run"
    for app in config["apps"]:
        total = app.get("calls_per_second", CHAT_ALLOWS) * (1 if shared else spec["replicas"])
        assert total <= CHAT_ALLOWS, f"{path}: {spec['replicas']} replicas send {total} calls a second for {app['name']}"
    surge = spec["strategy"]["rollingUpdate"]["maxSurge"]
    assert surge == 0, f"{path}: a roll-out runs {surge} more gateways than the rate is shared out to"

    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"], path
    for container in pod["containers"] + pod.get("initContainers", []):
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"], container["name"]
        assert rights["capabilities"]["drop"] == ["ALL"], container["name"]
        sees_key = any(mount["name"] == "chat" for mount in container["volumeMounts"])
        assert sees_key == (container["name"] == "group-import-gateway"), f"{path}: {container['name']} sees the key"
        assert not any("subPath" in mount for mount in container["volumeMounts"]), "a file by subPath never changes"
    names = {volume["name"] for volume in pod["volumes"]}
    mounted = {mount["name"] for container in pod["containers"] + pod.get("initContainers", []) for mount in container["volumeMounts"]}
    assert names == mounted, f"{path}: {names ^ mounted}"
    print(f"{path.rsplit('/', 1)[-1]}: {len(documents)} objects")


for path in sys.argv[1:]:
    check(path)
