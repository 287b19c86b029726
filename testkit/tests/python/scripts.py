"""What redis-py makes of scripts: locks, registered scripts, pipelines with them. Argument: the port."""
import sys
import threading

import redis
from redis.exceptions import LockError, NoScriptError, ResponseError

client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)

lock = client.lock("lock", timeout=100)
assert lock.acquire(blocking=False)
assert not client.lock("lock", timeout=100).acquire(blocking=False)
assert lock.extend(100) and client.ttl("lock") > 150
assert lock.reacquire() and client.ttl("lock") <= 100
lock.release()
assert not client.exists("lock")
try:
    lock.release()
    raise SystemExit("a lock was released twice")
except LockError:
    pass

# Eight threads count under one lock.
def count():
    for _ in range(10):
        with client.lock("mutex", timeout=100):
            client.set("counter", int(client.get("counter") or 0) + 1)

threads = [threading.Thread(target=count) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert client.get("counter") == "80", client.get("counter")

add = client.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
assert add(keys=["sum"], args=[5]) == 5
client.script_flush()
assert add(keys=["sum"], args=[5]) == 10
assert client.script_exists(add.sha) == [True]
with client.pipeline() as pipe:
    pipe.set("sum", 1)
    add(keys=["sum"], args=[2], client=pipe)
    pipe.get("sum")
    assert pipe.execute() == [True, 3, "3"]
client.script_flush()
try:
    client.evalsha(add.sha, 1, "sum", 1)
    raise SystemExit("a script was there")
except NoScriptError:
    pass
try:
    client.eval("return redis.call('lpush', KEYS[1], 1)", 1, "sum")
    raise SystemExit("a number is no list")
except ResponseError as error:
    assert "WRONGTYPE" in str(error), error
print("ok")
