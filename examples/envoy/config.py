"""Writes Envoy's configuration: a reverse transcoder behind a local rate limit of LIMIT calls a second.

usage: config.py CHAT_HOST:PORT USERSIG SDK_APP_ID IDENTIFIER GRPC_PORT DESCRIPTORS LIMIT
"""

import json
import sys

PREFIX = "type.googleapis.com/envoy.extensions."


def filter_(name, kind, **config):
    return {"name": name, "typed_config": {"@type": PREFIX + kind, **config}}


def main(chat, usersig, app, identifier, port, descriptors, limit):
    host, chat_port = chat.rsplit(":", 1)
    query = {"sdkappid": app, "identifier": identifier, "usersig": usersig, "random": "1", "contenttype": "json"}
    percent = {"numerator": 100}
    filters = [
        filter_(
            "envoy.filters.http.local_ratelimit",
            "filters.http.local_ratelimit.v3.LocalRateLimit",
            stat_prefix="limit",
            token_bucket={"max_tokens": int(limit), "tokens_per_fill": int(limit), "fill_interval": "1s"},
            filter_enabled={"default_value": percent},
            filter_enforced={"default_value": percent},
            rate_limited_as_resource_exhausted=True,
        ),
        filter_(
            "envoy.filters.http.grpc_json_reverse_transcoder",
            "filters.http.grpc_json_reverse_transcoder.v3.GrpcJsonReverseTranscoder",
            descriptor_path=descriptors,
            request_json_print_options={"use_canonical_field_names": False},
        ),
        filter_(
            "envoy.filters.http.header_mutation",
            "filters.http.header_mutation.v3.HeaderMutation",
            mutations={
                "query_parameter_mutations": [
                    {"append": {"record": {"key": key, "value": value}}} for key, value in query.items()
                ]
            },
        ),
        filter_("envoy.filters.http.router", "filters.http.router.v3.Router"),
    ]
    manager = filter_(
        "hcm",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="in",
        codec_type="HTTP2",
        route_config={
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "chat", "timeout": "5s"}}],
                }
            ]
        },
        http_filters=filters,
    )
    address = lambda name, number: {"socket_address": {"address": name, "port_value": int(number)}}
    cluster = {
        "name": "chat",
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": {
            "thresholds": [{"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096}]
        },
        "load_assignment": {
            "cluster_name": "chat",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(host, chat_port)}}]}],
        },
    }
    listener = {"name": "in", "address": address("127.0.0.1", port), "filter_chains": [{"filters": [manager]}]}
    json.dump({"static_resources": {"listeners": [listener], "clusters": [cluster]}}, sys.stdout)


main(*sys.argv[1:])
