"""The rate limit service that Envoy calls, as a client that knows only what Envoy publishes: the
names and numbers of the messages stand here, and nothing is taken from weir's own .proto files.
"""

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf import duration_pb2, wrappers_pb2

LIMIT_MESSAGES = "envoy.extensions.common.ratelimit.v3"
SERVICE_MESSAGES = "envoy.service.ratelimit.v3"
SERVICE = f"{SERVICE_MESSAGES}.RateLimitService"
HEALTH = "grpc.health.v1"
UNITS = ("UNKNOWN", "SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR", "WEEK")
CODES = ("UNKNOWN", "OK", "OVER_LIMIT")
SERVING = 1
NOT_SERVING = 2

# Package -> message -> field -> number and type: a scalar, a message of the same package, or one
# with its package. Lists are repeated. Keys and values are `text`, which is string as published,
# and bytes for a client that passes on what is no UTF-8.
PUBLISHED = {
    LIMIT_MESSAGES: {
        "Entry": {"key": (1, "text"), "value": (2, "text")},
        "RateLimitOverride": {"requests_per_unit": (1, "uint32"), "unit": (2, "int32")},
        "RateLimitDescriptor": {"entries": (1, ["Entry"]), "limit": (2, "RateLimitOverride"),
                                "hits_addend": (3, "google.protobuf.UInt64Value")},
    },
    SERVICE_MESSAGES: {
        "RateLimitRequest": {"domain": (1, "string"),
                             "descriptors": (2, [f"{LIMIT_MESSAGES}.RateLimitDescriptor"]),
                             "hits_addend": (3, "uint32")},
        "RateLimit": {"requests_per_unit": (1, "uint32"), "unit": (2, "int32"),
                      "name": (3, "string")},
        "DescriptorStatus": {"code": (1, "int32"), "current_limit": (2, "RateLimit"),
                             "limit_remaining": (3, "uint32"),
                             "duration_until_reset": (4, "google.protobuf.Duration")},
        "RateLimitResponse": {"overall_code": (1, "int32"), "statuses": (2, ["DescriptorStatus"])},
    },
    HEALTH: {
        "HealthCheckRequest": {"service": (1, "string")},
        "HealthCheckResponse": {"status": (1, "int32")},
    },
}


def make_messages(text):
    """Returns the classes of all messages by name; `text` is the type of keys and values."""
    pool = descriptor_pool.DescriptorPool()
    for known in (duration_pb2, wrappers_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    kinds = {name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
             for name in ("string", "bytes", "int32", "uint32")}
    kinds["text"] = kinds[text]
    classes = {}
    for package, messages in PUBLISHED.items():
        file = descriptor_pb2.FileDescriptorProto(
            name=package, package=package, syntax="proto3",
            dependency=["google/protobuf/duration.proto", "google/protobuf/wrappers.proto"])
        if package == SERVICE_MESSAGES:
            file.dependency.append(LIMIT_MESSAGES)
        for name, fields in messages.items():
            message = file.message_type.add(name=name)
            for field, (number, kind) in fields.items():
                one = message.field.add(name=field, number=number,
                                        label=3 if isinstance(kind, list) else 1)
                kind = kind[0] if isinstance(kind, list) else kind
                if kind in kinds:
                    one.type = kinds[kind]
                else:
                    one.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
                    one.type_name = f".{kind}" if "." in kind else f".{package}.{kind}"
        pool.Add(file)
        for name in messages:
            classes[name] = message_factory.MessageFactory(pool).GetPrototype(
                pool.FindMessageTypeByName(f"{package}.{name}"))
    return classes


MESSAGES = make_messages("string")
MESSAGES_OF_BYTES = make_messages("bytes")


def descriptor(*entries, limit=None, hits=None):
    """One descriptor as plain data: entries are pairs of key and value."""
    return {"entries": entries, "limit": limit, "hits": hits}


def request(domain, *descriptors, hits=0, messages=None):
    """The request as a message. `limit` of a descriptor is requests_per_unit and unit's name."""
    made = (messages or MESSAGES)["RateLimitRequest"](domain=domain, hits_addend=hits)
    for one in descriptors:
        into = made.descriptors.add()
        for key, value in one["entries"]:
            into.entries.add(key=key, value=value)
        if one["limit"] is not None:
            into.limit.requests_per_unit, into.limit.unit = one["limit"][0], UNITS.index(
                one["limit"][1])
        if one["hits"] is not None:
            into.hits_addend.value = one["hits"]
    return made


def shown(response):
    """A response as the overall code and, for each status, its code and what stands beside it:
    name, requests_per_unit, unit, remaining, seconds until reset; or what remains without a
    limit."""
    statuses = []
    for status in response.statuses:
        one = [CODES[status.code]]
        if status.HasField("current_limit"):
            limit = status.current_limit
            one += [limit.name, limit.requests_per_unit, UNITS[limit.unit],
                    status.limit_remaining, status.duration_until_reset.seconds]
        elif status.limit_remaining:
            one.append(status.limit_remaining)
        statuses.append(one)
    return CODES[response.overall_code], statuses


class Client:
    """A connection of its own to the service on this port. Calls raise grpc.RpcError."""

    def __init__(self, port, timeout=60):
        self.timeout = timeout
        self._channel = grpc.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1),
                                          ("grpc.max_send_message_length", -1)])

    def close(self):
        self._channel.close()

    def call(self, path, message, answer, metadata=(), wait_for_ready=False):
        method = self._channel.unary_unary(
            path, request_serializer=lambda one: one if isinstance(one, bytes)
            else one.SerializeToString(),
            response_deserializer=MESSAGES[answer].FromString)
        return method(message, timeout=self.timeout, metadata=metadata,
                      wait_for_ready=wait_for_ready)

    def should_rate_limit(self, message, **options):
        return shown(self.call(f"/{SERVICE}/ShouldRateLimit", message, "RateLimitResponse",
                               **options))

    def health(self, service=""):
        return self.call(f"/{HEALTH}.Health/Check", MESSAGES["HealthCheckRequest"](service=service),
                         "HealthCheckResponse").status

    def watch_health(self):
        """Returns an iterator over the states of the whole server, from the present one on."""
        method = self._channel.unary_stream(
            f"/{HEALTH}.Health/Watch",
            request_serializer=MESSAGES["HealthCheckRequest"].SerializeToString,
            response_deserializer=MESSAGES["HealthCheckResponse"].FromString)
        return (one.status for one in method(MESSAGES["HealthCheckRequest"](),
                                             timeout=self.timeout))


def frame(kind, flags, stream, payload=b""):
    """One frame of HTTP/2."""
    return (len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") +
            payload)


def raw_call(timeout):
    """The bytes that open a connection and a call of the service with this grpc-timeout."""
    fields = ((":method", "POST"), (":scheme", "http"), (":authority", "weir"),
              (":path", f"/{SERVICE}/ShouldRateLimit"), ("te", "trailers"),
              ("content-type", "application/grpc"), ("grpc-timeout", timeout))
    head = b"".join(b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) +
                    value.encode() for name, value in fields)
    return (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) +
            frame(1, 4, 1, head))  # SETTINGS; HEADERS that are complete.


def raw_message(message):
    """The bytes that end that call's request with this message."""
    data = message.SerializeToString()
    return frame(0, 1, 1, b"\0" + len(data).to_bytes(4, "big") + data)  # DATA, the last.
