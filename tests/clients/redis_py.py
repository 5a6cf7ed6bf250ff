"""redis-py plays the scenarios; see scenario.py for what is read and written."""

import sys

import redis

port, _, ca, user, password = sys.argv[1:]
tls = {"ssl": True, "ssl_ca_certs": ca} if ca else {}
client = redis.Redis(host="localhost", port=int(port), username=user or None,
                     password=password or None, **tls)


def token(value):
    if value is None:
        return "n"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, (int, float)):
        return f"i{value}"
    if isinstance(value, redis.ResponseError):
        return "e" + str(value).encode().hex()
    if isinstance(value, (list, tuple)):
        return " ".join([f"[{len(value)}", *map(token, value)])
    return "s" + (value if isinstance(value, bytes) else value.encode()).hex()


def options(words):
    """What client.set(get=True) and client.object() tell themselves about the reply to come."""
    if words[0] == "OBJECT":
        return {"infotype": words[1].decode()}
    return {"get": True} if words[0] == "SET" and b"GET" in words else {}


def many(commands, transaction):
    pipeline = client.pipeline(transaction=transaction)
    for words in commands:
        pipeline.execute_command(*words)
    return pipeline.execute(raise_on_error=False)


def answer(verb, commands):
    try:
        if verb == "transaction":
            return token(many(commands, True))
        if len(commands) > 1:
            return " ".join(map(token, many(commands, False)))
        return token(client.execute_command(*commands[0], **options(commands[0])))
    except redis.WatchError:
        return "n"
    except redis.ResponseError as error:
        return token(error)


def command(text):
    name, *words = (bytes.fromhex(word) for word in text.split(","))
    return [name.decode(), *words]  # What redis-py makes of the reply depends on the name.


for line in sys.stdin:
    said, *texts = line.rstrip("\n").split(" ")
    print(answer(said, [command(text) for text in texts]), flush=True)
