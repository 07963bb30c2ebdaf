"""`blockweight lora metadata …`: read and change what a LoRA says about itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.standard_input import typed

if TYPE_CHECKING:
    from blockweight.workflow.lora_metadata import PlannedEdit, Saving

app = typer.Typer(help="Read and change what a LoRA says about itself.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the difference and write nothing.")]
NoUndo = Annotated[bool, typer.Option("--no-undo", help="Keep no undo file beside the LoRA.")]
KeepMtime = Annotated[
    bool, typer.Option("--keep-mtime", help="Keep the time of change; WebUIs may then not notice the edit.")
]
Large = Annotated[
    bool, typer.Option("--large-header", help="Allow a header over 1 MiB, whose metadata ComfyUI does not show.")
]
NoStamp = Annotated[bool, typer.Option("--no-stamp", help="Neither add hashes nor correct them.")]
KeepTexts = Annotated[
    bool, typer.Option("--keep-cover-texts", help="Keep the picture's texts, its prompt among them (PNG).")
]


@app.command("show")
def show(
    file: options.LoraFile,
    full: Annotated[bool, typer.Option("--full", help="Shorten nothing and show every key.")] = False,
    as_json: Json = False,
) -> None:
    """Show the metadata in groups: description, block weights, ModelSpec, training, hashes."""
    from blockweight.workflow import metadata_show  # noqa: PLC0415 - keeps --help fast

    shown = metadata_show.show(file)
    if as_json:
        _print_json(shown.facts(full=full))
    else:
        typer.echo("\n".join(shown.lines(full=full)))


@app.command("set")
def set_values(
    file: options.LoraFile,
    name: Annotated[str | None, typer.Option("--name", help="Its name (ssmd_display_name).")] = None,
    author: Annotated[str | None, typer.Option("--author", help="Who made it (ssmd_author).")] = None,
    keywords: Annotated[str | None, typer.Option("--keywords", help="What calls it (ssmd_keywords).")] = None,
    description: Annotated[
        str | None, typer.Option("--description", help="Any text (ssmd_description); - reads standard input.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Where it is from (ssmd_source).")] = None,
    rating: Annotated[str | None, typer.Option("--rating", help="0 to 10 (ssmd_rating).")] = None,
    tags: Annotated[str | None, typer.Option("--tags", help="Tags, separated by commas (ssmd_tags).")] = None,
    version: Annotated[str | None, typer.Option("--version", help="Its version (ssmd_version).")] = None,
    cover: Annotated[
        Path | None,
        typer.Option(
            "--cover", parser=options.path, metavar="PATH", help="A picture, fitted to 512x768, without its texts."
        ),
    ] = None,
    crop: Annotated[str, typer.Option("--crop", help="The cover's part: left,top,width,height in pixels.")] = "",
    keep_texts: KeepTexts = False,
    recommended: Annotated[
        str | None, typer.Option("--recommended", help="Block weights to recommend, in any notation.")
    ] = None,
    fill: options.Fill = None,
    book: options.Book = None,
    in_description: Annotated[
        bool, typer.Option("--in-description", help="Show the recommended weights as a line of the description too.")
    ] = False,
    modelspec: Annotated[
        bool, typer.Option("--modelspec", help="Say the same in Stability's modelspec fields.")
    ] = False,
    keys: Annotated[list[str] | None, typer.Option("--key", help="Any other, KEY=VALUE. Repeatable.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", help="A key to remove. Repeatable.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Allow changes of training data (ss_…).")] = False,
    dry_run: DryRun = False,
    no_stamp: NoStamp = False,
    no_undo: NoUndo = False,
    keep_mtime: KeepMtime = False,
    large: Large = False,
    as_json: Json = False,
) -> None:
    """Change values in the file itself; "" removes one. The tensors stay the same bytes."""
    from blockweight.workflow.lora_metadata import (  # noqa: PLC0415 - keeps --help fast
        Wanted,
        parse_crop,
        plan_set,
        values_of,
    )

    if description == "-":
        description = typed("-").rstrip("\r\n")
    fields = {
        "ssmd_display_name": name,
        "ssmd_author": author,
        "ssmd_keywords": keywords,
        "ssmd_description": description,
        "ssmd_source": url,
        "ssmd_rating": rating,
        "ssmd_tags": tags,
        "ssmd_version": version,
    }
    wanted = Wanted(
        values_of(fields, keys or (), remove or ()),
        cover,
        keep_texts,
        recommended,
        fill,
        book,
        in_description,
        modelspec,
        force,
        parse_crop(crop),
    )
    saving = _saving(no_stamp=no_stamp, no_undo=no_undo, keep_mtime=keep_mtime, large=large)
    _finish(plan_set(file, wanted, saving), dry_run=dry_run, as_json=as_json)


@app.command("cover")
def cover(
    file: options.LoraFile,
    picture: Annotated[
        Path | None, typer.Argument(parser=options.path, metavar="PICTURE", help="A picture to set as the cover.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", parser=options.path, metavar="PATH", help="Write the cover to this file."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the cover.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --out if it exists.")] = False,
    keep_texts: KeepTexts = False,
    dry_run: DryRun = False,
    no_undo: NoUndo = False,
    keep_mtime: KeepMtime = False,
    large: Large = False,
    as_json: Json = False,
) -> None:
    """Describe the cover, set it to a picture, remove it, or write it to a file."""
    from blockweight.workflow.lora_metadata import plan_cover  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.metadata_files import describe_cover, extract_cover  # noqa: PLC0415 - keeps --help fast

    if sum((picture is not None, out is not None, remove)) > 1:
        raise typer.BadParameter("give one of a picture, --out and --remove.")
    if picture is not None or remove:
        saving = _saving(no_undo=no_undo, keep_mtime=keep_mtime, large=large)
        planned = plan_cover(file, picture, keep_texts=keep_texts, saving=saving)
        _finish(planned, dry_run=dry_run, as_json=as_json)
        return
    facts = describe_cover(file)
    if out is not None:
        if dry_run:
            raise typer.BadParameter("--dry-run does not go with --out.")
        facts = {**facts, "out": str(out), "text": extract_cover(file, out, overwrite=overwrite)}
    if as_json:
        _print_json(facts)
    else:
        typer.echo(facts["text"] if out is None else f"written: {out} ({facts['text']})")


@app.command("copy")
def copy(
    source: Annotated[
        Path, typer.Argument(parser=options.path, metavar="LORA", help="The LoRA whose metadata are copied.")
    ],
    targets: Annotated[
        list[Path],
        typer.Argument(parser=options.path, metavar="TARGET", help="LoRA files, or folders of them (not those below)."),
    ],
    any_session: Annotated[
        bool, typer.Option("--any-session", help="Also to LoRAs that are not of the same training session.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Also to LoRAs that have metadata of their own.")] = False,
    weights: Annotated[bool, typer.Option("--weights", help="Copy the recommended block weights too.")] = False,
    dry_run: DryRun = False,
    no_undo: NoUndo = False,
    keep_mtime: KeepMtime = False,
    large: Large = False,
    as_json: Json = False,
) -> None:
    """Copy name, author, cover and the like to other LoRAs; by default to those of the same training session that have
    none."""
    from blockweight.workflow.lora_metadata import plan_copy  # noqa: PLC0415 - keeps --help fast

    saving = _saving(no_undo=no_undo, keep_mtime=keep_mtime, large=large)
    plans = plan_copy(
        source, targets, same_session=not any_session, only_empty=not replace, weights=weights, saving=saving
    )
    done = []
    for each in plans:
        written = each.edit is not None and not dry_run and each.edit.write()
        done.append(each.facts(written=written))
        if not as_json:
            _print_copy(each.path, each.edit, each.reason, written=written)
    if as_json:
        _print_json(done)
    elif not plans:
        typer.echo("There is no other LoRA to copy to.")


def _print_copy(path: Path, edit: PlannedEdit | None, reason: str, *, written: bool) -> None:
    if edit is None:
        typer.echo(f"{path}: left alone, {reason}")
        return
    typer.echo(f"{path}:{' written' if written else ''}{'' if edit.changes else ' has all of it already'}")
    for line in (*edit.lines(), *edit.hints):
        typer.echo(f"  {line}")


@app.command("strip")
def strip(
    file: options.LoraFile,
    training: Annotated[
        bool, typer.Option("--training", help="Training data (ss_…), but for what programs need to load the file.")
    ] = False,
    user: Annotated[bool, typer.Option("--user", help="All that 'set' writes as ssmd_…, the cover too.")] = False,
    cover: Annotated[bool, typer.Option("--cover", help="The cover.")] = False,
    modelspec: Annotated[bool, typer.Option("--modelspec", help="Stability's modelspec fields.")] = False,
    weights: Annotated[bool, typer.Option("--weights", help="Block weights, recommended and applied.")] = False,
    hashes: Annotated[bool, typer.Option("--hashes", help="Stamped hashes.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All metadata.")] = False,
    keys: Annotated[list[str] | None, typer.Option("--key", help="One key. Repeatable.")] = None,
    dry_run: DryRun = False,
    no_undo: NoUndo = False,
    keep_mtime: KeepMtime = False,
    as_json: Json = False,
) -> None:
    """Remove metadata. What was removed stays in the undo file, unless --no-undo."""
    from blockweight.workflow.lora_metadata import plan_strip  # noqa: PLC0415 - keeps --help fast

    chosen = {
        "training": training,
        "user": user,
        "cover": cover,
        "modelspec": modelspec,
        "weights": weights,
        "hashes": hashes,
        "all": everything,
    }
    saving = _saving(no_undo=no_undo, keep_mtime=keep_mtime)
    planned = plan_strip(file, [group for group, wanted in chosen.items() if wanted], keys or (), saving)
    _finish(planned, dry_run=dry_run, as_json=as_json)


@app.command("hash")
def hash_file(
    file: options.LoraFile,
    write: Annotated[bool, typer.Option("--write", help="Stamp the three that a header can hold.")] = False,
    dry_run: DryRun = False,
    no_undo: NoUndo = False,
    keep_mtime: KeepMtime = False,
    as_json: Json = False,
) -> None:
    """Print the six hashes by which WebUIs and sites know the file, computed from its bytes."""
    from blockweight.workflow.lora_metadata import plan_hashes  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.metadata_files import hashes  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.metadata_texts import aligned  # noqa: PLC0415 - keeps --help fast

    if write:
        planned = plan_hashes(file, _saving(no_undo=no_undo, keep_mtime=keep_mtime))
        _finish(planned, dry_run=dry_run, as_json=as_json)
        return
    found = hashes(file)
    if as_json:
        _print_json(found)
    else:
        typer.echo("\n".join(aligned([(key, text or "not defined") for key, text in found.items()], indent="")))


@app.command("verify")
def verify(
    file: options.LoraFile,
    fix: Annotated[bool, typer.Option("--fix", help="Correct wrong hashes and an empty cover.")] = False,
    dry_run: DryRun = False,
    no_undo: NoUndo = False,
    keep_mtime: KeepMtime = False,
    as_json: Json = False,
) -> None:
    """Say which stamps are not what the bytes say, and which values programs fail on; exit code 1 if there are any."""
    from blockweight.workflow import metadata_files  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.lora_metadata import plan_fix  # noqa: PLC0415 - keeps --help fast

    if fix:
        planned = plan_fix(file, _saving(no_undo=no_undo, keep_mtime=keep_mtime))
        _finish(planned, dry_run=dry_run, as_json=as_json)
        return
    found = metadata_files.verify(file)
    if as_json:
        _print_json(found.facts())
    else:
        typer.echo("\n".join(found.lines()))
    if found.problems:
        raise typer.Exit(1)


@app.command("undo")
def undo(
    file: options.LoraFile,
    history: Annotated[
        Path | None,
        typer.Option(
            "--from",
            parser=options.path,
            metavar="PATH",
            help="Another undo file, for a LoRA that was renamed or moved.",
        ),
    ] = None,
    dry_run: DryRun = False,
    keep_mtime: KeepMtime = False,
    as_json: Json = False,
) -> None:
    """Take back the latest edit: the file becomes the same bytes as before it."""
    from blockweight.workflow.metadata_files import plan_undo  # noqa: PLC0415 - keeps --help fast

    planned = plan_undo(file, history)
    if not as_json:
        typer.echo(f"The edit '{planned.edit.what}' of {planned.edit.at}, taken back:")
        typer.echo("\n".join(planned.lines()))
    if not dry_run:
        planned.write(keep_mtime=keep_mtime)
    if as_json:
        _print_json(planned.facts(written=not dry_run))
    elif not dry_run:
        typer.echo(f"written: {file}")


@app.command("sidecar")
def sidecar(
    file: options.LoraFile,
    preview: Annotated[bool, typer.Option("--preview", help="Also write the cover as NAME.preview.png.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a preview that exists.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Write description, keywords and recommended weights to NAME.json, where WebUIs look for the activation text."""
    from blockweight.workflow.metadata_files import plan_sidecars  # noqa: PLC0415 - keeps --help fast

    planned = plan_sidecars(file, preview=preview, overwrite=overwrite)
    if not as_json:
        for line in planned.lines():
            typer.echo(line)
    if not dry_run:
        planned.write()
    if as_json:
        _print_json(planned.facts(written=not dry_run))
        return
    for place in planned.contents:
        typer.echo(f"{'would write' if dry_run else 'written'}: {place}")
    if not planned.contents:
        typer.echo("Nothing to write: the sidecar says all that the LoRA does.")


def _saving(*, no_stamp: bool = False, no_undo: bool = False, keep_mtime: bool = False, large: bool = False) -> Saving:
    from blockweight.workflow.lora_metadata import Saving  # noqa: PLC0415 - keeps --help fast

    return Saving(large, not no_stamp, not no_undo, keep_mtime)


def _finish(planned: PlannedEdit, *, dry_run: bool, as_json: bool) -> None:
    if not as_json:
        typer.echo("\n".join(planned.lines()) or "Nothing to change.")
    written = not dry_run and planned.write()
    if as_json:
        _print_json(planned.facts(written=written))
        return
    for hint in planned.hints:
        typer.echo(hint, err=True)
    if written:
        undo_file = "" if planned.undo_file is None else f" (undo: {planned.undo_file.name})"
        typer.echo(f"written: {planned.path}{undo_file}")


def _print_json(facts: object) -> None:
    typer.echo(json.dumps(facts, ensure_ascii=False))
