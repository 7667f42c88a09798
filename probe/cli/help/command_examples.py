"""Show two examples below the options of each command: what to type, and what it does."""

from collections.abc import Mapping
from typing import Any

Example = tuple[str, str]
"""The words after `probe`, and what they do."""

EXAMPLES: Mapping[str, tuple[Example, Example]] = {
    "run": (
        ("run", "measures all apps, and asks for your consent before the first run"),
        ("run whatsapp signal --control ooni", "measures two apps, and compares with OONI's public helpers"),
    ),
    "ui": (
        ("ui", "opens the interface in the browser of this computer"),
        ("ui --port 8080", "serves it at a port that you choose"),
    ),
    "consent": (
        ("consent", "shows what a measurement means for you, and asks whether you agree"),
        ("consent --version-only", "prints the version of the text, for --consent"),
    ),
    "doctor": (
        ("doctor", "says whether measurements from this network can be trusted"),
        ("doctor --control https://helper.example", "checks too that your helper answers"),
    ),
    "show": (
        ("show", "shows what the last run found"),
        ("show 2 whatsapp --why", "shows the evidence about one app in the run before the last"),
    ),
    "list": (
        ("list", "lists the last runs, the newest first"),
        ("list --most 100 -v", "lists up to a hundred runs with their files"),
    ),
    "compare-runs": (
        ("compare-runs", "shows what changed between the last two runs"),
        ("compare-runs 5 1", "compares the last run with an earlier one"),
    ),
    "share": (
        ("share", "writes one file of the last run, after it has shown what leaves"),
        ("share 2 --to age1…", "encrypts a run to the age key of the person who gets it"),
    ),
    "submit": (
        ("submit", "publishes the last run at OONI, after it has asked"),
        ("submit --later", "only puts it into the queue. `probe queue send` publishes it"),
    ),
    "queue list": (
        ("queue list", "lists what waits to be published"),
        ("queue list --sent", "lists what was published"),
    ),
    "queue send": (
        ("queue send", "publishes what waits"),
        ("queue send --proxy socks5://127.0.0.1:9050", "publishes it through Tor"),
    ),
    "queue drop": (
        ("queue drop 3", "removes one measurement from the queue"),
        ("queue drop --all", "removes all that waits"),
    ),
    "receive": (
        ("receive shared.tar.gz", "checks a shared file and keeps its measurements"),
        ("receive shared.age --identity key.txt", "decrypts it with your age key"),
    ),
    "advice": (
        ("advice", "says what you can do about the apps of the last run"),
        ("--lang fa advice 3", "does the same in Persian for the run with number 3 in `probe list`"),
    ),
    "config show": (
        ("config show", "shows each setting and where its value comes from"),
        ("config show -- --depth deep", "shows what a run with this option would use"),
    ),
    "config path": (
        ("config path", "prints where the settings file is"),
        ("--lang fa config path", "does the same in Persian"),
    ),
    "config edit": (
        ("config edit", "opens the settings in your editor, and checks them"),
        ("--lang es config edit", "explains mistakes in Spanish"),
    ),
    "wipe": (
        ("wipe", "lists results, settings and consent, and removes them after a yes"),
        ("wipe 3", "removes one run, by its number in `probe list`"),
    ),
    "targets list": (
        ("targets list", "lists the apps that can be measured"),
        ("targets list --json", "prints them for a program"),
    ),
    "targets show": (
        ("targets show telegram", "shows the servers of one app, with the source of each"),
        ("targets show telegram --json", "prints them for a program"),
    ),
    "targets check": (
        ("targets check my-targets", "checks target files of your own"),
        ("targets check --sources", "opens the pages that the bundled files name as sources"),
    ),
    "judge": (
        ("judge results.jsonl", "computes the verdicts of a file again"),
        ("judge capture.pcapng --html flows.html", "draws the packets of a capture, with verdicts"),
    ),
    "validate": (
        ("validate results.jsonl", "checks measurements against the published schema"),
        ("validate *.jsonl --json", "prints the result for a program"),
    ),
    "rules": (
        ("rules", "prints the rules that decide, in their order"),
        ("rules --old tls_reset_here", "names the rule that an id of earlier measurements means today"),
    ),
    "stores": (
        ("stores --country CN", "asks Apple's store which of the apps it lists in China"),
        ("stores --country CN --json", "prints the answers for a program"),
    ),
    "fetch ooni": (
        (
            "fetch ooni --cc IR --test telegram --since 2026-11-01 --until 2026-12-01 --plan",
            "says what would be fetched, and how much",
        ),
        ("fetch ooni --cc IR --test telegram --since 2026-11-01 --until 2026-12-01", "fetches it"),
    ),
    "ingest": (
        ("ingest --store store results/", "adds all measurements of a folder to a store"),
        ("ingest --store store --rejudge", "computes all verdicts of a store again"),
    ),
    "sql": (
        ("sql 'SELECT state, count(*) FROM verdicts GROUP BY state' --store store", "counts the verdicts of a store"),
        ("sql 'DESCRIBE verdicts' --store store", "shows the columns of a table"),
    ),
    "store info": (
        ("store info store", "says what a store contains"),
        ("store info store --json", "prints it for a program"),
    ),
    "store check": (
        ("store check store", "checks every file of a store"),
        ("store check s3://bucket/store", "checks a store in a bucket"),
    ),
    "store compact": (
        ("store compact store", "merges small files of a store"),
        ("store compact store --file-mb 256", "makes files of about 256 MB"),
    ),
    "store forget": (
        ("store forget store --before 2026-01-01", "removes old measurements after a yes"),
        ("store forget store --run 7d2292709fa5a563", "removes one run"),
    ),
    "store migrate": (
        ("store migrate store", "brings a store of an earlier version up to date"),
        ("store migrate store --jobs 4", "uses four processes"),
    ),
    "store copy": (
        ("store copy store s3://bucket/store", "copies a store into a bucket"),
        ("store copy s3://bucket/store backup", "copies it back"),
    ),
    "export": (
        ("export --store store --out verdicts.csv", "writes the verdicts of a store as CSV"),
        ("export --store store --table measurements --out measurements.parquet", "writes another table as Parquet"),
    ),
    "why": (
        ("why 0410ff0e9a31 --store store", "shows the evidence of a measurement"),
        ("why 0410ff0e9a31 --store store --service telegram/web", "shows that of one service"),
    ),
    "cite": (
        ("cite --store store", "prints the sources of a store's figures"),
        ("cite results.jsonl --json", "prints the sources of a file for a program"),
    ),
    "synth": (
        ("synth --measurements 1000 --out made-up", "writes a thousand made-up measurements and the truth"),
        ("synth --measurements 1000 --out made-up --world my-world.toml", "makes them of a world that you describe"),
    ),
    "compare": (
        ("compare store", "compares the networks and countries of a store"),
        ("compare store --by cc --html page.html", "writes a page that compares countries"),
    ),
    "series": (
        ("series store --only target=telegram", "shows one app day by day"),
        ("series store --since 2026-11-01 --json", "prints the days since a date for a program"),
    ),
    "events": (
        ("events store", "lists when interference began and ended"),
        ("events store --only cc=IR --since 2026-11-01", "does so for one country since a date"),
    ),
    "explore": (
        ("explore store", "serves the page of a store to this computer"),
        ("explore store --by cc --since 2026-11-01", "compares countries since a date"),
    ),
    "helper": (
        ("helper --listen 0.0.0.0:8080", "serves as test helper at a port of this computer"),
        ("helper --listen 127.0.0.1:8080 --echo 3478,5060 --media 50000", "reflects call packets too"),
    ),
    "lab score": (
        ("lab score clean sni-reset --seeds 3", "runs two scenarios three times, and counts right verdicts"),
        ("lab score --save figures.json", "runs all scenarios, and keeps the figures"),
    ),
    "lab list": (
        ("lab list", "lists the scenarios"),
        ("lab list --classes", "describes the censors that a scenario can use"),
    ),
    "lab run": (
        ("lab run great-firewall", "measures behind an emulated Great Firewall"),
        (
            "lab run sni-reset -- curl -sS https://web.telegram.org/",
            "runs a command of your own in the emulated network",
        ),
    ),
    "lab shell": (
        ("lab shell great-firewall", "opens a shell in the emulated network"),
        ("lab shell clean --seed 3", "draws the details of the network by another seed"),
    ),
    "help": (
        ("help exit-codes", "explains the exit codes"),
        ("help run", "shows the options of a command"),
    ),
}


def add_examples(command: Any, name: str) -> Any:
    """Write the examples below the help of a command and of its subcommands."""
    for inner, one in getattr(command, "commands", {}).items():
        add_examples(one, f"{name} {inner}")
    if name in EXAMPLES:
        command.epilog = _text(EXAMPLES[name])
    return command


def _text(examples: tuple[Example, Example]) -> str:
    r"""Return lines that are not wrapped, which the mark \b says (click's documentation, "Preventing Rewrapping")."""
    lines = (line for words, about in examples for line in (f"  probe {words}", f"      {about}"))
    return "\b\n" + "\n".join(["Examples:", *lines])
