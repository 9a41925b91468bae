"""Products of businesses and their certificates: what is reported of them, and what the world sees."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.contracts.fields import Count, Day, Identifier, Payload, Public, PublicText, Published, Slug
from shared.contracts.registry.businesses import Slugs

Number = Annotated[PublicText, Field(max_length=60)]


class ProductReport(Payload):
    """What a business makes or sells. A product is known by its business and its name."""

    business_id: Public[Identifier]
    name: Public[PublicText]
    category: Public[Slug | None] = None
    channels: Public[Slugs | None] = None
    """Where this product is listed (S1-15, S1-16)."""
    supplied_by: Public[Identifier | None] = None
    """The business that makes it, wherever that is: a UKM resells what an IKM produces (S0-10)."""
    discontinued: Public[bool | None] = None
    clear: Public[Annotated[tuple[Slug, ...], Field(max_length=10)]] = ()


PRODUCT_CLEARABLE = frozenset({"category", "channels", "supplied_by"})


class OfBusinessRequest(Payload):
    """What a business has, also by the id of a record that was merged into it."""

    business_id: Public[Identifier]
    after: Public[Identifier | None] = None
    limit: Public[Annotated[Count, Field(gt=0, le=200)]] = 100


class ProductState(Published):
    product_id: Public[str]
    business_id: Public[str]
    name: Public[str]
    category: Public[str | None] = None
    channels: Public[tuple[str, ...] | None] = None
    supplied_by: Public[str | None] = None
    discontinued: Public[bool] = False
    merged_into: Public[str | None] = None
    """The product that this one is, since their businesses turned out to be one."""
    recorded_on: Public[Day]


class ProductChange(Published):
    fields: Public[tuple[str, ...] | None] = None


class ProductEvent(Published):
    product: Public[ProductState]
    change: Public[ProductChange] = ProductChange()


class CertificateReport(Payload):
    """A paper that says something of a business or its product: P-IRT, halal, merek, SNI. It is known by its kind and
    number; of a P-IRT the first 13 digits count, since the last two are the year in which it ends."""

    business_id: Public[Identifier]
    kind: Public[Slug]
    number: Public[Number]
    issuer: Public[PublicText | None] = None
    issued_on: Public[Day | None] = None
    expires_on: Public[Day | None] = None
    clear: Public[Annotated[tuple[Slug, ...], Field(max_length=10)]] = ()


CERTIFICATE_CLEARABLE = frozenset({"issuer", "issued_on", "expires_on"})


class CertificateState(Published):
    certificate_id: Public[str]
    business_id: Public[str]
    kind: Public[str]
    number: Public[str]
    issuer: Public[str | None] = None
    issued_on: Public[Day | None] = None
    expires_on: Public[Day | None] = None
    status: Public[str]
    """``valid``, ``expiring`` or ``expired``."""


class CertificateChange(Published):
    """``days_left`` until the last day it is valid; ``notice`` is the step (90, 30 or 7 days) that it has come to."""

    fields: Public[tuple[str, ...] | None] = None
    days_left: Public[Count | None] = None
    notice: Public[Count | None] = None


class CertificateEvent(Published):
    certificate: Public[CertificateState]
    change: Public[CertificateChange] = CertificateChange()
