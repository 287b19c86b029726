"""redis-py's cluster client against a running cluster: strings, pipelines, pub/sub, RESP2 and RESP3."""

import sys
import time

import redis
from redis.cluster import RedisCluster


def exercise(client):
    for i in range(300):
        assert client.set(f"py:{i}", i)
    for i in range(300):
        assert client.get(f"py:{i}") == str(i), i
    assert client.mget_nonatomic(*[f"py:{i}" for i in range(10)]) == [str(i) for i in range(10)]
    assert client.incrby("py:counter", 5) in (5, 10)
    assert client.set("py:mortal", "x", px=60_000) and 0 < client.pttl("py:mortal") <= 60_000
    assert client.delete("py:0") == 1 and client.get("py:0") is None

    pipe = client.pipeline()
    for i in range(1, 50):
        pipe.set(f"py:{i}", "p")
    assert all(pipe.execute())

    keys = set(client.scan_iter(match="py:*", target_nodes=RedisCluster.PRIMARIES))
    assert len(keys) == 301, len(keys)
    assert client.dbsize(target_nodes=RedisCluster.PRIMARIES) == 301
    assert client.cluster_info(target_nodes=RedisCluster.RANDOM)["cluster_state"] == "ok"
    assert len(client.cluster_nodes()) == 6
    # A replica is listed once its master has heard its offset.
    deadline = time.monotonic() + 30
    while len(client.get_replicas()) < 3 and time.monotonic() < deadline:
        client.nodes_manager.initialize()
    assert len(client.get_primaries()) == 3 and len(client.get_replicas()) == 3

    try:
        client.execute_command("MGET", "a", "b", target_nodes=client.get_random_node())
    except redis.exceptions.RedisError as error:
        assert "CROSSSLOT" in str(error) or "slot" in str(error), error
    else:
        raise AssertionError("keys of two slots were accepted")


def pubsub(client):
    """PUBLISH to one node reaches a subscriber on another."""
    nodes = client.get_nodes()
    for listener in nodes:
        subscriber = redis.Redis(host=listener.host, port=listener.port, decode_responses=True).pubsub()
        subscriber.subscribe("news")
        assert wait_message(subscriber)["type"] == "subscribe"
        for sender in nodes:
            token = f"{sender.name} to {listener.name}"
            redis.Redis(host=sender.host, port=sender.port).publish("news", token)
            # What was published for the listener before may still arrive here.
            while wait_message(subscriber)["data"] != token:
                pass
        subscriber.close()


def wait_message(subscriber):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        message = subscriber.get_message(timeout=1)
        if message:
            return message
    raise AssertionError("no message came")


for protocol in (2, 3):
    cluster = RedisCluster(host="127.0.0.1", port=int(sys.argv[1]), decode_responses=True, protocol=protocol)
    exercise(cluster)
    pubsub(cluster)
    for key in list(cluster.scan_iter(match="py:*", target_nodes=RedisCluster.PRIMARIES)):
        cluster.delete(key)
    cluster.close()
