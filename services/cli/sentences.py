"""What an event says, in one Indonesian sentence. A type that is not known here is shown by its state alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.cli.events import Event
from shared.reference.rupiah import format_rupiah

Data = Mapping[str, Any]

_VERDICTS = {"eligible": "memenuhi syarat", "ineligible": "tidak memenuhi syarat", "waiting": "menunggu data"}
_MESSAGE_STATES = {
    "queued": "pesan disiapkan",
    "sent": "pesan dikirim",
    "delivered": "pesan sampai",
    "failed": "pesan gagal dikirim",
    "uncertain": "pesan belum tentu terkirim",
    "suppressed": "pesan ditarik sebelum dikirim",
    "expired": "pesan kedaluwarsa, tidak dikirim",
}


def describe(event: Event) -> str:
    """One sentence; empty when there is nothing to say."""
    service, _, rest = event.key.partition(".")
    thing, _, what = rest.partition(".")
    state = event.data.get(thing)
    if not isinstance(state, Mapping):
        return ""
    change = event.data.get("change")
    teller = _TELLERS.get(f"{service}.{thing}")
    if teller is None:
        return str(state.get("state") or state.get("status") or "")
    return teller(what, state, change if isinstance(change, Mapping) else {})


def _business(what: str, state: Data, change: Data) -> str:
    name = str(state.get("name", ""))
    decree = (change.get("decree") or {}).get("number")
    paper = f" ({decree})" if decree else ""
    before = change.get("scale_before") or "?"
    said: Mapping[str, str] = {
        "recorded": "tercatat",
        "updated": f"diperbarui: {', '.join(change.get('fields') or ()) or '–'}",
        "verified": "terverifikasi",
        "designated": "menjadi binaan",
        "released": "mandiri",
        "deactivated": "nonaktif",
        "reactivated": "kembali terdata",
        "withdrawn": "mengundurkan diri dari binaan",
        "closed": "tutup",
        "duplicate_suspected": "mungkin tercatat dua kali",
        "declared_distinct": "dinyatakan usaha yang berbeda",
        "merged": "digabung ke usaha lain",
        "scale_raised": f"naik kelas: {before} → {state.get('scale')}",
        "scale_lowered": f"turun kelas: {before} → {state.get('scale')}",
    }
    return f"{name} {said.get(what, what)}{paper}"


def _owner(what: str, _: Data, __: Data) -> str:
    said = {"identified": "kini tercatat dengan nomor identitas", "joined": "digabung dengan catatan lain yang sama"}
    return f"pemilik {said.get(what, what)}"


def _product(what: str, state: Data, change: Data) -> str:
    said = {"recorded": "tercatat", "updated": f"diperbarui: {', '.join(change.get('fields') or ()) or '–'}"}
    return f"produk {state.get('name')} {said.get(what, what)}"


def _certificate(what: str, state: Data, change: Data) -> str:
    said = {
        "recorded": "tercatat",
        "updated": f"diperbarui: {', '.join(change.get('fields') or ()) or '–'}",
        "expiring": f"berakhir {change.get('days_left')} hari lagi",
        "expired": "sudah berakhir",
    }
    return f"sertifikat {state.get('kind')} {said.get(what, what)}"


def _person(_: str, __: Data, ___: Data) -> str:
    return "orang yang pernah ditanyakan kini tercatat sebagai pemilik"


def _cooperative(what: str, state: Data, _: Data) -> str:
    said = {
        "recorded": "tercatat",
        "updated": "diperbarui",
        "formation_started": "mulai dibentuk",
        "founded": "berdiri",
        "rat_recorded": "melaporkan RAT",
        "rat_due": "belum melaporkan RAT",
        "status_changed": f"kini {state.get('status')}",
        "assessed": "dinilai kesehatannya",
        "dissolved": "bubar",
    }
    return f"koperasi {state.get('name')} {said.get(what, what)}"


def _drive(what: str, state: Data, _: Data) -> str:
    said = {"opened": "dibuka", "progressed": "bertambah", "achieved": "tercapai", "lapsed": "lewat tenggat"}
    progress = f"{state.get('founded')} dari {state.get('target_cooperatives')} koperasi"
    return f"gerakan {state.get('name')} {said.get(what, what)}: {progress}"


def _census(what: str, state: Data, _: Data) -> str:
    said = {"opened": "dibuka", "closed": "selesai"}.get(what, what)
    return f"pendataan {state.get('name')} {said}: {state.get('visited')} dari {state.get('target')} usaha"


def _statistics(_: str, state: Data, __: Data) -> str:
    counted = {"businesses": "usaha", "cooperatives": "koperasi"}.get(str(state.get("of")), str(state.get("of")))
    count = state.get("count")
    figure = f"{count} {counted}" if count is not None else f"jumlah {counted} disamarkan"
    return f"angka {state.get('region_name')} per {state.get('as_of')} terbit: {figure}"


def _eligibility(_: str, state: Data, change: Data) -> str:
    verdict = _VERDICTS.get(str(state.get("verdict")), str(state.get("verdict")))
    failed = [str(one.get("text_id")) for one in state.get("criteria") or () if one.get("verdict") != "eligible"]
    reasons = f": {'; '.join(failed)}" if state.get("verdict") != "eligible" and failed else ""
    before = change.get("verdict_before")
    again = f" (sebelumnya {_VERDICTS.get(before, before)})" if before not in {None, state.get("verdict")} else ""
    return f"{verdict} untuk {state.get('programme_kind')}{again}{reasons}"


def _programme(what: str, state: Data, _: Data) -> str:
    said = {"opened": "program dibuka", "closed": "program ditutup"}.get(what, what)
    return f"{said}: {state.get('name')}, {state.get('quota')} tempat"


def _item(_: str, state: Data, __: Data) -> str:
    return f"jenis barang dicatat: {state.get('name')}"


def _external_grant(what: str, state: Data, _: Data) -> str:
    stages = {"planned": "direncanakan", "approved": "disetujui", "handed_over": "diserahkan"}
    if what == "withdrawn":
        return f"{state.get('agency')} menarik laporan bantuan {state.get('kind')} ({state.get('reference')})"
    stage = stages.get(str(state.get("stage")), str(state.get("stage")))
    return f"{state.get('agency')} melaporkan bantuan {state.get('kind')} {stage} ({state.get('reference')})"


def _overlap(_: str, state: Data, __: Data) -> str:
    said = {"open": "tumpang tindih", "resolved": "tumpang tindih diselesaikan", "cleared": "tumpang tindih hilang"}
    offices = " dan ".join(map(str, state.get("agencies") or ()))
    return f"{said.get(str(state.get('status')), str(state.get('status')))}: {offices}. {state.get('text_id')}"


def _message(what: str, state: Data, _: Data) -> str:
    channel = f" lewat {state.get('channel')}" if state.get("channel") else ""
    return f"{_MESSAGE_STATES.get(what, what)}{channel}"


def _agency(_: str, state: Data, __: Data) -> str:
    return f"instansi terdaftar: {state.get('name')}"


def _official(_: str, state: Data, __: Data) -> str:
    return f"pejabat terdaftar: {state.get('role')} di {state.get('agency')}"


_MOVES = {
    "reserve": "dicadangkan",
    "commit": "ditetapkan",
    "realise": "direalisasikan",
    "release": "dilepas",
}


def _budget(what: str, state: Data, change: Data) -> str:
    line = f"anggaran {state.get('line')} {state.get('fiscal_year')}"
    entry = change.get("entry") or {}
    amount, pagu = format_rupiah(entry.get("amount") or 0), format_rupiah(state.get("pagu") or 0)
    said: Mapping[str, str] = {
        "allotted": f"pagu {pagu}",
        "revised": f"pagu menjadi {pagu}",
        "entered": f"{amount} {_MOVES.get(str(entry.get('kind')), entry.get('kind'))}",
        "lagging": f"serapan di bawah {state.get('behind')} %",
    }
    return f"{line}: {said.get(what, what)}"


_GRANTS = {
    "proposed": "diusulkan",
    "submitted": "diajukan",
    "verified": "diverifikasi",
    "endorsed": "disetujui pejabat kedua",
    "decided": "ditetapkan",
    "agreed": "NPHD dibuat",
    "handed_over": "diserahkan",
    "reported": "dilaporkan",
    "monitored": "dipantau",
    "rejected": "ditolak",
    "cancelled": "dibatalkan",
}


def _grant(what: str, state: Data, change: Data) -> str:
    paper = (state.get("decree") or {}).get("number")
    said = f"bantuan {format_rupiah(state.get('value') or 0)} {_GRANTS.get(what, what)}"
    percent = (change.get("shortfall") or {}).get("percent")
    return f"{said}{f' ({paper})' if paper else ''}{f', hanya {percent} %' if percent is not None else ''}"


def _stock(what: str, state: Data, change: Data) -> str:
    said = {"received": "masuk", "counted": "dihitung", "moved": "keluar"}.get(what, what)
    return f"persediaan {state.get('item')}: {change.get('quantity')} {said}, ada {state.get('on_hand')}"


def _held(what: str, state: Data, change: Data) -> str:
    said = {"requeued": "dicoba lagi", "discarded": "dilepas"}.get(what, what)
    return f"pesan tertahan {said}: {change.get('reason') or state.get('held_id')}"


_TELLERS: Mapping[str, Callable[[str, Data, Data], str]] = {
    "registry.business": _business,
    "registry.product": _product,
    "registry.certificate": _certificate,
    "registry.agency": _agency,
    "registry.owner": _owner,
    "registry.person": _person,
    "registry.cooperative": _cooperative,
    "registry.drive": _drive,
    "registry.statistics": _statistics,
    "registry.census": _census,
    "registry.official": _official,
    "aid.eligibility": _eligibility,
    "aid.external_grant": _external_grant,
    "aid.item": _item,
    "aid.overlap": _overlap,
    "aid.programme": _programme,
    "aid.budget": _budget,
    "aid.grant": _grant,
    "aid.stock": _stock,
    "notify.message": _message,
    **{f"{service}.held": _held for service in ("registry", "aid", "notify")},
}
