"""`binaan programme …` and `binaan explain`: what is offered, whom it may serve, and why or why not."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.asking import collect, tell
from services.cli.client import PATIENCE_SECONDS
from services.cli.exits import wrong_usage
from services.cli.filing import Csv, Xlsx, save
from services.cli.options import As, Json, Patience, print_json, region_code
from services.cli.screen import say
from services.cli.tables import cell, show

app = typer.Typer(help="Programmes of aid and training: open them, list them, see whom they may serve.")

_LISTED = ("programme_id", "name", "kind", "beneficiary", "region", "fiscal_year", "pagu", "quota", "status")
_RANKED = ("beneficiary_id", "verdict", "prior_interventions", "eligibility_id")
_CRITERIA = ("verdict", "syarat", "fakta", "dari")
_HISTORY = ("on", "what", "fields", "reason", "official")

Decides = Annotated[
    str, typer.Option("--actor", metavar="OFFICIAL", help="The official who decides, as registered by the agency.")
]
Id = Annotated[str, typer.Argument(metavar="PROGRAMME", help="The programme_id.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in a sentence that everybody may read.")]


@app.command("open")
def open_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The programme as aid.programme.open takes it.")],
    *,
    account: As,
    actor: Decides,
    draft: Annotated[bool, typer.Option("--draft", help="Only propose it; another official starts it.")] = False,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Open a programme, and print its id. Everybody in its region is assessed from then on.

    Example: `binaan programme open pelatihan.json --as dinkop-medan --actor kadis`

    Example: `binaan programme open gerobak.json --draft --as dinkop-medan --actor kabid`
    """
    _decide(account, "propose" if draft else "open", _read(file), actor, patience, json=json)


@app.command()
def start(
    programme: Id, *, account: As, actor: Decides, json: Json = False, patience: Patience = PATIENCE_SECONDS
) -> None:
    """Open a programme that another official has proposed.

    Example: `binaan programme start 0198… --as dinkop-medan --actor kadis`
    """
    _decide(account, "start", {"programme_id": programme}, actor, patience, json=json)


@app.command()
def pause(
    programme: Id,
    *,
    account: As,
    actor: Decides,
    reason: Reason,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Stop a programme for a while: nobody is assessed and nothing approved until it is resumed.

    Example: `binaan programme pause 0198… --reason 'Menunggu P-APBD' --as dinkop-medan --actor kadis`
    """
    _decide(account, "pause", {"programme_id": programme, "reason": reason}, actor, patience, json=json)


@app.command()
def resume(
    programme: Id, *, account: As, actor: Decides, json: Json = False, patience: Patience = PATIENCE_SECONDS
) -> None:
    """Go on with a programme that was paused.

    Example: `binaan programme resume 0198… --as dinkop-medan --actor kadis`
    """
    _decide(account, "resume", {"programme_id": programme}, actor, patience, json=json)


@app.command()
def amend(
    programme: Id,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What is to change, as JSON.")],
    *,
    account: As,
    actor: Decides,
    reason: Reason,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Change what a programme offers and to whom; its money is changed by its budget line.

    Example: `binaan programme amend 0198… perubahan.json --reason 'Kuota ditambah' --as dinkop-medan --actor kadis`
    """
    data = {**_read(file), "programme_id": programme, "reason": reason}
    _decide(account, "amend", data, actor, patience, json=json)


@app.command()
def close(
    programme: Id,
    *,
    account: As,
    actor: Decides,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")] = None,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Close a programme; what was assessed stays as it is.

    Example: `binaan programme close 0198… --as dinkop-medan --actor kadis`
    """
    data = {"programme_id": programme, **({"reason": reason} if reason else {})}
    _decide(account, "close", data, actor, patience, json=json)


def _read(file: Path) -> dict[str, Any]:
    try:
        data = jsonlib.loads(file.read_bytes())
    except OSError as error:
        raise wrong_usage(f"{file} cannot be read: {(error.strerror or 'it cannot be opened').lower()}.") from None
    except ValueError:
        raise wrong_usage(f"{file} is not JSON.") from None
    if not isinstance(data, dict):
        raise wrong_usage(f"{file} holds no JSON object.")
    return data


def _decide(account: str, verb: str, data: Mapping[str, Any], actor: str, patience: float, *, json: bool) -> None:
    reply = tell(account, f"aid.programme.{verb}", data, patience, actor)
    result, warnings = reply.data["result"], reply.data.get("warnings", [])
    if json:
        print_json({"result": result, "warnings": warnings})
        return
    for one in warnings:
        say(f"{one['field']}: {one['text_en']} / {one['text_id']}")
    typer.echo(f"{result['outcome']} {result['programme_id']}")


# --- questions --------------------------------------------------------------------------------------------------------


@app.command("list")
def list_(
    *,
    account: As,
    region: Annotated[str | None, typer.Option(metavar="CODE", help="A region (12.71, 64); one's own if none.")] = None,
    status: Annotated[str | None, typer.Option(metavar="WORD", help="draft, open, paused or closed.")] = None,
    year: Annotated[int | None, typer.Option("--year", metavar="YEAR", help="Of this fiscal year.")] = None,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List programmes of a region.

    Example: `binaan programme list --status open --as dinkop-medan`
    """
    asked: dict[str, Any] = {"limit": 100}
    asked |= {"region": region_code(region)} if region else {}
    asked |= {"status": status} if status else {}
    asked |= {"fiscal_year": year} if year else {}
    found = collect(account, "aid.programme.request", asked, patience)
    rows = [_listed(one["programme"]) for one in found]
    save(rows, _LISTED, xlsx=xlsx, csv=csv)
    if json:
        print_json(found)
    else:
        show(rows, _LISTED, json=False, nothing="There are no such programmes.")


def _listed(programme: Mapping[str, Any]) -> dict[str, Any]:
    return {**programme, "pagu": sum(line["pagu"] for line in programme["budget"])}


@app.command("show")
def show_(programme: Id, *, account: As, json: Json = False, patience: Patience = PATIENCE_SECONDS) -> None:
    """Show a programme: what it offers, to whom, and what has become of it.

    Example: `binaan programme show 0198… --as dinkop-medan`
    """
    (found,) = collect(account, "aid.programme.request", {"programme_id": programme}, patience)
    if json:
        print_json(found)
        return
    for name, value in found["programme"].items():
        typer.echo(f"{name:16} {cell(value)}")
    typer.echo()
    show(found["history"], _HISTORY, json=False, nothing="Nothing has become of it yet.")


@app.command()
def eligible(
    programme: Id,
    *,
    account: As,
    verdict: Annotated[str, typer.Option(metavar="WORD", help="eligible, waiting or ineligible.")] = "eligible",
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """List whom a programme may serve: those whom nobody has ever served come first.

    Example: `binaan programme eligible 0198… --xlsx calon.xlsx --as dinkop-medan`
    """
    asked = {"programme_id": programme, "verdict": verdict, "limit": 100}
    found = collect(account, "aid.eligibility.request", asked, patience)
    rows = [one["eligibility"] for one in found]
    save(rows, _RANKED, xlsx=xlsx, csv=csv)
    if json:
        print_json(found)
    else:
        show(rows, _RANKED, json=False, nothing=f"Nobody is {verdict}.")


def explain(
    beneficiary: Annotated[
        str, typer.Argument(metavar="BENEFICIARY", help="A business_id, a cooperative_id, or the code of a kab/kota.")
    ],
    programme: Id,
    *,
    account: As,
    json: Json = False,
    xlsx: Xlsx = None,
    csv: Csv = None,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Say why somebody may be served by a programme or not: each criterion, the fact it was judged on, and its source.

    The agency that runs the programme sees what is known about the person as well; for others that is one criterion.

    Example: `binaan explain 0198… 0198… --as dinkop-medan`
    """
    asked = {"programme_id": programme, "beneficiary_id": beneficiary}
    (found,) = collect(account, "aid.eligibility.request", asked, patience)
    rows = [explained_row(one) for one in found["criteria"]]
    save(rows, _CRITERIA, xlsx=xlsx, csv=csv)
    if json:
        print_json(found)
        return
    typer.echo(f"{found['verdict']}  (prior interventions: {found['prior_interventions']}; {found['judged_on']})")
    show(rows, _CRITERIA, json=False, nothing="No criteria.")


def explained_row(criterion: Mapping[str, Any]) -> dict[str, Any]:
    """A criterion in one line: the sentence, the facts, and the events or messages they came from."""
    facts, checks = criterion.get("facts", []), criterion.get("checks", [])
    known = [f"{one['fact']}: {_value(one.get('value'))}" for one in facts]
    known += [f"{one['check']}: {_answers(one['answers'])}" for one in checks]
    sources = [_source(one) for one in facts]
    sources += [f"{each['agency']} {each['intake_id']}" for one in checks for each in one["answers"]]
    return {
        "verdict": criterion["verdict"],
        "syarat": criterion["text_id"],
        "fakta": "; ".join(known),
        "dari": "; ".join(dict.fromkeys(filter(None, sources))),
    }


def _value(value: Any) -> str:
    return cell(value) if value is not None else "(belum diketahui)"


def _answers(answers: list[dict[str, Any]]) -> str:
    said = [f"{'ya' if one['value'] else 'tidak'} ({one['source']}, {one['observed_on']})" for one in answers]
    return ", ".join(said) or "(belum dijawab)"


def _source(fact: Mapping[str, Any]) -> str:
    if "intervention_id" in fact:
        return str(fact["intervention_id"])
    return f"{fact['subject']} #{int(fact['sequence'])}" if "subject" in fact else ""
