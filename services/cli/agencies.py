"""The demo agencies of a local stack and their officials (docs/contract.md, "Local stack")."""

from __future__ import annotations

from dataclasses import dataclass

PERMITTED = (
    "registry.business.*",
    "registry.owner.*",
    "registry.consent.*",
    "registry.access.request",
    "registry.product.*",
    "registry.certificate.*",
    "registry.cooperative.*",
    "registry.drive.*",
    "registry.owner.request",
    "registry.statistics.*",
    "registry.census.*",
    "registry.official.*",
    "registry.agency.request",
    "aid.programme.*",
    "aid.item.register",
    "aid.eligibility.request",
    "aid.exclusion.report",
    "aid.budget.*",
    "aid.grant.*",
    "aid.stock.*",
    "aid.external_grant.*",
    "aid.overlap.*",
    "aid.recipient.request",
    "aid.never_served.request",
    "notify.message.request",
    "notify.campaign.request",
)
OFFICIALS = ("kabid", "kadis")
"""Handle and role alike: `kabid` may verify, `kadis` may decide all that an agency decides."""
IN_OFFICE_SINCE = "2020-01-01"


@dataclass(frozen=True, slots=True)
class DemoAgency:
    account: str
    name: str
    level: str
    region: str


DEMO_AGENCIES = (
    DemoAgency("dinkop-medan", "Dinas Koperasi dan UMKM Kota Medan", "kabkota", "12.71"),
    DemoAgency("dinkop-siantar", "Dinas Koperasi, UKM dan Perdagangan Kota Pematangsiantar", "kabkota", "12.72"),
    DemoAgency("dinkop-bengkalis", "Dinas Koperasi, UKM Kabupaten Bengkalis", "kabkota", "14.03"),
    DemoAgency("disperindagkop-kaltim", "Dinas Perindagkop dan UKM Provinsi Kalimantan Timur", "province", "64"),
)


def home_of(account: str) -> str | None:
    """The region of a demo agency; for every other one `--region` says it."""
    return next((agency.region for agency in DEMO_AGENCIES if agency.account == account), None)
