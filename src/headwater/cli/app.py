"""The commands. Each parses its options, calls the action of its name and renders the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from headwater.cli.face import Face, print_report_json
from headwater.errors import HeadwaterError, UsageError

__all__ = ["app", "main"]

app = typer.Typer(
    name="headwater",
    help="Any data source to a Fivetran connector that is proven to lose nothing.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help answers in half the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ProjectArgument = Annotated[Path, typer.Argument(help="Folder of the connector project.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the report as one JSON object and nothing else.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")]


@app.command(short_help="Show the whole way on a simulator, in a minute.")
def demo(
    keep: Annotated[
        Path | None, typer.Option(help="Work in this folder and leave it, instead of a scratch folder.")
    ] = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show the whole way on the CPG simulator: discover, write, run, run again, prove. Under a minute, offline."""
    from headwater.actions.demo import demo as act
    from headwater.cli.render import render_demo

    Face("demo", json, verbose, assume_yes=True).run(lambda watch: act(keep=keep, watch=watch), render_demo)


@app.command(short_help="Discover a source, write its connector, run it twice.")
def new(
    name: Annotated[str, typer.Argument(help="What the source is called: 'FDA Food Enforcement'.", show_default=False)],
    url: Annotated[str, typer.Argument(help="Address of a JSON endpoint.", show_default=False)],
    header: Annotated[list[str] | None, typer.Option(help="A request header, 'name: value'. Repeat for more.")] = None,
    into: Annotated[Path | None, typer.Option(help="Folder to write to; ./NAME unless told.")] = None,
    yes: YesOption = False,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Discover a JSON endpoint by experiment, write its connector, run it, and run it again."""
    from headwater.actions.new import new as act
    from headwater.cli.render import render_new

    face = Face("new", json, verbose, yes)
    face.run(lambda watch: act(name, url, headers=_headers(header or []), into=into, watch=watch), render_new)


@app.command(short_help="Run a connector into a local DuckDB file.")
def debug(
    project: ProjectArgument,
    configuration: Annotated[
        Path | None, typer.Option(help="Configuration file; configuration.json unless told.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Delete the local warehouse, state and files first.")] = False,
    engine: Annotated[
        Literal["headwater", "sdk"], typer.Option(help="headwater: this process; sdk: the SDK's own runner.")
    ] = "headwater",
    state: Annotated[Path | None, typer.Option(help="State file; files/state.json unless told.")] = None,
    yes: YesOption = False,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run a connector here and land it in files/warehouse.db, a DuckDB file."""
    from headwater.actions.debug import debug as act
    from headwater.cli.render import render_debug

    Face("debug", json, verbose, yes).run(
        lambda watch: act(
            project, configuration=configuration, reset=reset, runner=engine, state_file=state, watch=watch
        ),
        render_debug,
    )


@app.command(short_help="Ask that file.")
def query(
    project: ProjectArgument,
    sql: Annotated[str, typer.Argument(help="A query on the local warehouse; its tables are in schema tester.")],
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Ask the local warehouse of a project. Reads only."""
    from headwater.actions.query import query as act
    from headwater.cli.render import render_query

    Face("query", json, verbose).run(lambda _: act(project, sql), render_query)


@app.command(short_help="Kill it everywhere, feed it every fault, compare.")
def prove(
    project: ProjectArgument,
    simulator: Annotated[
        str | None, typer.Option(help="Simulator to prove it on; the one of its name unless told.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer kill points and faults; writes no PROOF.md.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.")] = 0,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Kill a connector everywhere, feed it every fault, compare with the truth, and write PROOF.md."""
    from headwater.actions.prove import prove as act
    from headwater.cli.render import render_prove

    Face("prove", json, verbose).run(
        lambda watch: act(project, simulator=simulator, quick=quick, seed=seed, watch=watch), render_prove
    )


@app.command(short_help="Pack it as the zip that Fivetran takes.")
def package(
    project: ProjectArgument,
    output: Annotated[Path | None, typer.Option(help="The zip to write; files/<name>.zip unless told.")] = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Pack a connector with the runtime beside it, as the zip that Fivetran takes."""
    from headwater.actions.package import package as act
    from headwater.cli.render import render_package

    Face("package", json, verbose).run(lambda watch: act(project, output=output, watch=watch), render_package)


@app.command(short_help="Serve a vendor's API here.")
def simulate(
    name: Annotated[str, typer.Argument(help="Which vendor; `headwater doctor` lists them.", show_default=False)],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    records: Annotated[int | None, typer.Option(min=0, help="Records the vendor holds.")] = None,
    latency_ms: Annotated[int, typer.Option(min=0, help="Milliseconds before each answer.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the data.")] = 0,
    rate_limit: Annotated[int | None, typer.Option(min=1, help="Requests a minute before it answers 429.")] = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Serve a vendor's API here until stopped, and print a configuration ready to use."""
    from headwater.actions.simulate import simulate as act
    from headwater.cli.render import render_simulate
    from headwater.cli.wait import stoppable

    served = act(name, port=port, records=records, latency_ms=latency_ms, seed=seed, rate_limit=rate_limit)
    try:
        with stoppable() as stopped, served as report:
            if json:
                print_report_json(report)
            else:
                render_simulate(report)
            stopped.wait()
    except HeadwaterError as error:
        Face("simulate", json, verbose).fail(error)


@app.command(short_help="Show versions and what is missing.")
def doctor(json: JsonOption = False, verbose: VerboseOption = False) -> None:
    """Show versions, programs and what is missing."""
    from headwater.actions.doctor import doctor as act
    from headwater.cli.render import render_doctor

    Face("doctor", json, verbose).run(lambda _: act(), render_doctor)


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="headwater")


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise UsageError("a header must read 'name: value'", where=f"--header, {len(line)} characters given")
        headers[name.strip()] = value.strip()
    return headers
