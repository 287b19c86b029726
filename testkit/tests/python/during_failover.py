"""A master is killed while redis-py writes: every key can be written again without a new client."""

import os
import signal
import sys
import time

import redis
from redis.cluster import RedisCluster

port, victim = int(sys.argv[1]), int(sys.argv[2])
client = RedisCluster(host="127.0.0.1", port=port, decode_responses=True, cluster_error_retry_attempts=1, socket_timeout=2)
KEYS = [f"during:{i}" for i in range(100)]
for key in KEYS:
    client.set(key, "before")

os.kill(victim, signal.SIGKILL)
deadline = time.monotonic() + 60
pending, errors = list(KEYS), 0
while pending:
    assert time.monotonic() < deadline, f"{len(pending)} keys cannot be written ({errors} errors)"
    still = []
    for key in pending:
        try:
            client.set(key, "after")
        except (redis.exceptions.RedisError, OSError):
            errors += 1
            still.append(key)
    pending = still
assert all(client.get(key) == "after" for key in KEYS)
