"""AsyncAPI 3.0 documents made from the catalogue: one for each service, and one for whoever has an account.

Each is told from its reader's side: a service's own document says what the service sends and receives, that for
integrators what an outside account does. Contacts and the administrator's messages are in no document for outsiders.

A payload is a schema in AsyncAPI's own dialect (draft-07 and a little more). The schemas of ``schema.py`` are of a
later draft, and are put here into words that both drafts read alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.authority import matches, roles_deciding
from shared.contracts.catalogue import SERVICES, TYPES, Kind, MessageType
from shared.contracts.envelope import CONTENT_TYPE
from shared.contracts.schema import data_schemas, envelope_of, particular_of

Json = dict[str, Any]

SPECIFICATION = "3.0.0"
CONTRACT_VERSION = "1.0.0"
"""Of the contract as a whole. It only grows; what would break a reader is a new version of one type (``.v2``)."""
INTEGRATORS = "integrators"
PERSISTENT = 2

READS: Mapping[str, tuple[str, ...]] = {
    "registry": (),
    "aid": (
        "registry.business.*",
        "registry.certificate.*",
        "registry.cooperative.*",
        "registry.owner.*",
        "registry.person.*",
        "registry.agency.*",
        "registry.official.*",
    ),
    "notify": (
        "registry.business.*",
        "registry.agency.*",
        "registry.contact.*",
        "registry.cooperative.*",
        "aid.programme.*",
        "aid.eligibility.assessed",
    ),
}
"""What each service reads of what others publish. A test holds this against the services' routes and their queues."""

_KNOWS = {
    "registry": "Who exists and in what state: businesses (usaha), their owners, agencies (dinas) and their officials.",
    "aid": "Who may receive what: programmes of aid and training (bantuan dan pelatihan), criteria, eligibility.",
    "notify": "Who is told: one message to each owner, sent once.",
}
_ABOUT = """\
Every message is one CloudEvents 1.0 event in structured JSON mode, persistent, published with confirms, at most 1 MiB.
Words of the law and of the office stay Indonesian: *binaan* (under guidance), *mandiri* (independent), *nonaktif*,
*naik kelas* (up in scale), NIK, NIB, KBLI, *pagu* (ceiling of a budget), *kabupaten/kota* (regency or city)."""
_FOR_INTEGRATORS = """\
What an account of an agency, a portal, a ministry or a bank sends and receives. An account declares and binds nothing:
Binaan makes its queues `<account>.replies` and `<account>.events` and binds the addresses that it was given. What an
account sends carries the AMQP property `user_id` with its own name; `source` names the same account.

Events name no person. Readers ignore members, types and values that they do not know."""

_BINDING = {"bindingVersion": "0.3.0"}
_SCHEMAS = "#/components/schemas/"
_PARAMETERS: Mapping[str, Json] = {
    "account": {
        "description": "The account that sent the intake message, as the broker vouched for it.",
        "examples": ["dinkop-medan", "disperindagkop-kaltim"],
    },
    "outcome": {
        "description": "What became of the message; the last word of the reply's type.",
        "enum": ["accepted", "rejected", "answered"],
        "examples": ["accepted"],
    },
    "region": {
        "description": "The Kemendagri code of the region, cut to the regency or city (kabupaten/kota), else the "
        "province, else `00` for the nation. Its dots are dots of the routing key.",
        "examples": ["12.71", "64", "00"],
        "location": "$message.header#/region",
    },
}
_ENVELOPES = {
    Kind.INTAKE: "IntakeEnvelope",
    Kind.EVENT: "EventEnvelope",
    Kind.CONTACT: "EventEnvelope",
    Kind.REPLY: "ReplyEnvelope",
}
_CARRIES = {
    Kind.INTAKE: "What somebody tells us, asks of us, or asks us.",
    Kind.EVENT: "What has happened. No personal data.",
    Kind.CONTACT: "How to reach owners: from registry to notify alone.",
    Kind.REPLY: "Accepted, rejected or answered, with reasons. Every intake message has one reply.",
}
_HEADERS: Mapping[str, Json] = {
    "IntakeHeaders": {
        "type": "object",
        "description": "None are needed. CloudEvents' binary mode, with its attributes in headers, is refused.",
    },
    "Headers": {
        "type": "object",
        "description": "What a router needs without reading JSON.",
        "required": ["region"],
        "properties": {
            "region": {
                "type": "string",
                "pattern": r"^[0-9]{2}(\.[0-9]{2})?$",
                "description": "The region as it stands in the routing key; `00` on replies.",
            }
        },
    },
}


@dataclass(frozen=True, slots=True)
class _View:
    """What one reader sends and receives. ``account`` stands before the names of its queues."""

    title: str
    description: str
    account: str
    sends: tuple[MessageType, ...]
    receives: tuple[MessageType, ...]

    @property
    def all(self) -> tuple[MessageType, ...]:
        return (*self.receives, *self.sends)


def documents() -> dict[str, Json]:
    """All documents, by the names of the services and ``integrators``."""
    return {**{service: of_service(service) for service in SERVICES}, INTEGRATORS: of_integrators()}


def of_service(service: str) -> Json:
    """What a service sends and receives. Raises ``KeyError`` for a name that is none of ours."""
    own = [one for one in TYPES.values() if one.service == service]
    return _document(
        _View(
            title=f"Binaan {service}",
            description=f"{_KNOWS[service]}\n\n{_ABOUT}",
            account=service,
            sends=tuple(one for one in own if one.kind is not Kind.INTAKE),
            receives=(*(one for one in own if one.kind is Kind.INTAKE), *(one for one in _read_by(service))),
        )
    )


def of_integrators() -> Json:
    """What an outside account sends and receives; what it is permitted is a part of this."""
    return _document(
        _View(
            title="Binaan for integrators",
            description=f"{_FOR_INTEGRATORS}\n\n{_ABOUT}",
            account="<account>",
            sends=tuple(one for one in TYPES.values() if one.kind is Kind.INTAKE and not one.administrator),
            receives=tuple(one for one in TYPES.values() if one.kind in {Kind.REPLY, Kind.EVENT}),
        )
    )


def _read_by(service: str) -> Iterable[MessageType]:
    published = (one for one in TYPES.values() if one.kind in {Kind.EVENT, Kind.CONTACT})
    return (one for one in published if any(matches(pattern, one.key) for pattern in READS[service]))


# --- the document -----------------------------------------------------------------------------------------------------


def _document(view: _View) -> Json:
    data, definitions = data_schemas(view.all, f"{_SCHEMAS}{{model}}")
    return {
        "asyncapi": SPECIFICATION,
        "info": {
            "title": view.title,
            "version": CONTRACT_VERSION,
            "description": view.description,
            "tags": [{"name": kind.value, "description": _CARRIES[kind]} for kind in _kinds(view)],
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"bus": _server()},
        "channels": _channels(view.all),
        "operations": _operations(view),
        "components": {
            "securitySchemes": {"account": {"type": "userPassword", "description": "An account of the broker."}},
            "parameters": {name: _PARAMETERS[name] for one in view.all for name in _names(one)},
            "messages": {one.key: _message(one, data[one.key]) for one in view.all},
            "schemas": _schemas(view.all, definitions),
        },
    }


def _kinds(view: _View) -> list[Kind]:
    present = {one.kind for one in view.all}
    return [kind for kind in Kind if kind in present]


def _server() -> Json:
    return {
        "host": "{host}",
        "protocol": "amqps",
        "protocolVersion": "0.9.1",
        "pathname": "/binaan",
        "description": "RabbitMQ, virtual host `binaan`. Plain `amqp` on loopback only.",
        "variables": {"host": {"default": "bus.example", "description": "The address that comes with the account."}},
        "security": [{"$ref": "#/components/securitySchemes/account"}],
    }


# --- channels ---------------------------------------------------------------------------------------------------------


def _channels(kinds: Iterable[MessageType]) -> Json:
    channels: Json = {}
    for one in kinds:
        channel = channels.setdefault(_channel_id(one), _channel(one))
        channel["messages"][one.key] = {"$ref": f"#/components/messages/{one.key}"}
    return channels


def _channel_id(kind: MessageType) -> str:
    """One address, one channel: the replies of all services have the same."""
    return "replies" if kind.kind is Kind.REPLY else kind.key


def _channel(kind: MessageType) -> Json:
    names = _names(kind)
    return {
        "address": ".".join([*_fixed_words(kind), *(f"{{{name}}}" for name in names)]),
        "description": _CARRIES[kind.kind],
        "servers": [{"$ref": "#/servers/bus"}],
        "messages": {},
        **({"parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in names}} if names else {}),
        "bindings": {"amqp": {"is": "routingKey", "exchange": _exchange(kind), **_BINDING}},
    }


def _fixed_words(kind: MessageType) -> list[str]:
    return [] if kind.kind is Kind.REPLY else [kind.key]


def _names(kind: MessageType) -> tuple[str, ...]:
    """The parameters of its address, in order."""
    if kind.kind is Kind.INTAKE:
        return ()
    return ("account", "outcome") if kind.kind is Kind.REPLY else ("region",)


def _exchange(kind: MessageType) -> Json:
    return {"name": kind.exchange, "type": "topic", "durable": True, "autoDelete": False, "vhost": "binaan"}


# --- operations -------------------------------------------------------------------------------------------------------


def _operations(view: _View) -> Json:
    received = {f"receive.{one.key}": _receive(one, view) for one in view.receives}
    return {**received, **{f"send.{one.key}": _operation("send", one, view) for one in view.sends}}


def _receive(kind: MessageType, view: _View) -> Json:
    """Read with acknowledgements, from the reader's own queue."""
    operation = _operation("receive", kind, view)
    operation["bindings"]["amqp"]["ack"] = True
    return {**operation, "x-queue": f"{view.account}.{kind.exchange.rpartition('.')[2]}"}


def _operation(action: str, kind: MessageType, view: _View) -> Json:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{_channel_id(kind)}"},
        "title": kind.key,
        "summary": kind.summary,
        **({"description": rules} if (rules := _rules(kind)) else {}),
        "tags": [{"name": kind.kind.value}],
        "bindings": {"amqp": {"deliveryMode": PERSISTENT, **_BINDING}},
        "messages": [_in_channel(kind)],
        **({"reply": _reply(kind, view)} if kind.kind is Kind.INTAKE else {}),
    }


def _in_channel(kind: MessageType) -> Json:
    return {"$ref": f"#/channels/{_channel_id(kind)}/messages/{kind.key}"}


def _reply(kind: MessageType, view: _View) -> Json:
    """What may come back for an intake message."""
    verbs = ("answered" if kind.question else "accepted", "rejected")
    possible = [TYPES[f"{kind.service}.reply.{verb}"] for verb in verbs]
    return {
        "channel": {"$ref": f"#/channels/{_channel_id(possible[0])}"},
        "messages": [_in_channel(one) for one in possible if one in view.all],
    }


def _rules(kind: MessageType) -> str:
    """What the door asks of a type, in sentences."""
    roles = roles_deciding(kind.key)
    rules = {
        "Only Binaan's administrator may send it.": kind.administrator,
        "`time` says when it was observed.": kind.observed,
        f"`actor` is the official who decides: {' or '.join(f'`{role}`' for role in roles)}.": kind.decision,
        "It changes nothing and is answered.": kind.question,
    }
    return " ".join(sentence for sentence, applies in rules.items() if applies)


# --- messages and schemas ---------------------------------------------------------------------------------------------


def _message(kind: MessageType, data: Json) -> Json:
    on_intake = kind.kind is Kind.INTAKE
    return {
        "name": kind.name,
        "title": kind.key,
        "summary": kind.summary,
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": f"{_SCHEMAS}{_headers_of(kind)}"},
        "correlationId": {
            "description": "The message at the start of the chain.",
            "location": f"$message.payload#/{'id' if on_intake else 'correlationid'}",
        },
        "payload": _payload(kind, data),
        "tags": [{"name": kind.kind.value}],
        **({} if on_intake else {"bindings": {"amqp": {"messageType": kind.name, **_BINDING}}}),
    }


def _headers_of(kind: MessageType) -> str:
    return "IntakeHeaders" if kind.kind is Kind.INTAKE else "Headers"


def _payload(kind: MessageType, data: Json) -> Json:
    """The whole event: the envelope of its kind, and what this type demands beyond."""
    return {
        "title": kind.name,
        "description": kind.summary,
        "allOf": [{"$ref": f"{_SCHEMAS}{_ENVELOPES[kind.kind]}"}, particular_of(kind, data)],
    }


def _schemas(kinds: Iterable[MessageType], definitions: Json) -> Json:
    """Each schema once, by name. Raises ``ValueError`` when a model has the name of an envelope."""
    around: Json = {}
    for one in kinds:
        around[_ENVELOPES[one.kind]] = envelope_of(one.kind)
        around[_headers_of(one)] = _HEADERS[_headers_of(one)]
    if taken := definitions.keys() & around.keys():
        raise ValueError(f"two schemas are called {sorted(taken)}")
    return {**around, **{name: _plain(one) for name, one in definitions.items()}}


def _plain(part: Any) -> Any:
    """A schema as both drafts and AsyncAPI read it.

    In draft-07 nothing beside a ``$ref`` counts, and in AsyncAPI a ``discriminator`` is another thing; what it said
    stands in the alternatives themselves, as the one value of their ``type``.
    """
    if isinstance(part, list):
        return [_plain(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    kept = {name: _plain(inner) for name, inner in part.items() if not _is_discriminator(name, inner)}
    if isinstance(kept.get("$ref"), str) and len(kept) > 1:
        return {"allOf": [{"$ref": kept.pop("$ref")}], **kept}
    return kept


def _is_discriminator(name: str, content: Any) -> bool:
    return name == "discriminator" and isinstance(content, dict) and "propertyName" in content
