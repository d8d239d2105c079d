# SPDX-License-Identifier: Apache-2.0
"""From what was measured to medians, ratios and the lines of the table."""
import statistics

from .services import LARGE_KB

# Issue 3, "Speed and memory".
WANTED_RATIO = 1.0
WANTED_CPU_SECONDS = 0.5
WANTED_MEMORY_MIB = 100
WANTED_IDLE_PERCENT = 1.0
SETTLES = ("mark", "delete")


def values(runs, name):
    return [run[name] for run in runs]


def median(runs, name):
    return statistics.median(values(runs, name))


def add_ratios(result):
    """Medians over the rounds, and the relay set against its limits."""
    medians, ratios = {}, {}
    for settle in SETTLES:
        store = result["rounds"].get(f"store_{settle}", [])
        relay = result["rounds"].get(f"relay_{settle}", [])
        if store:
            medians[f"store_{settle}_rows_per_second"] = median(store, "rows_per_second")
        if relay:
            medians[f"relay_{settle}_rows_per_second"] = median(relay, "rows_per_second")
            medians[f"relay_{settle}_cpu_seconds_per_100k"] = median(relay, "cpu_seconds_per_100k")
            result[f"relay_{settle}_peak_memory_mib"] = max(values(relay, "peak_memory_mib"))
        if store and relay:
            name = f"relay_{settle}_of_store_{settle}"
            ratios[name] = median(relay, "rows_per_second") / median(store, "rows_per_second")
            ratios[name + "_each_round"] = [ours["rows_per_second"] / limit["rows_per_second"]
                                            for ours, limit in zip(relay, store)]
        if relay and "producer" in result:
            raw = result["producer"]["with_headers"]["messages_per_second"]
            ratios[f"relay_{settle}_of_producer"] = median(relay, "rows_per_second") / raw
    result["medians"], result["ratios"] = medians, ratios


def listed(numbers, form):
    return " ".join(format(number, form) for number in numbers)


def foreign(runs):
    return listed([run["cores"]["foreign"] for run in runs], ".2f")


def verdict(good):
    return "met" if good else "MISSED"


def line(what, value, all_runs="", others="", wanted=""):
    return {"what": what, "value": value, "all": all_runs, "foreign": others, "wanted": wanted}


def producer_lines(result):
    producer = result["producer"]
    for name, words in (("without_headers", "without headers"), ("with_headers", "with headers")):
        part = producer[name]
        yield line(f"librdkafka alone, {words}", f"{part['messages_per_second']:,.0f} messages/s",
                   f"median of {producer['rounds']}", foreign([producer]))
        yield line(f"  its CPU, {words}", f"{part['cpu_seconds_per_100k']:.3f} CPU-s per 100,000")


def settle_lines(result, settle):
    sql = "UPDATE" if settle == "mark" else "DELETE"
    store = result["rounds"].get(f"store_{settle}", [])
    relay = result["rounds"].get(f"relay_{settle}", [])
    if store:
        yield line(f"store, one connection, {sql}",
                   f"{median(store, 'rows_per_second'):,.0f} rows/s",
                   listed(values(store, "rows_per_second"), ",.0f"), foreign(store))
    if relay:
        yield line(f"outboxd relay, settle {settle}",
                   f"{median(relay, 'rows_per_second'):,.0f} rows/s",
                   listed(values(relay, "rows_per_second"), ",.0f"), foreign(relay))
    if store and relay:
        name = f"relay_{settle}_of_store_{settle}"
        ratio = result["ratios"][name]
        yield line(f"  relay {settle} / store {sql}", f"{ratio * 100:.0f} %",
                   listed([each * 100 for each in result["ratios"][name + "_each_round"]], ".0f"),
                   wanted=f"at least {WANTED_RATIO * 100:.0f} %: {verdict(ratio >= WANTED_RATIO)}")
    if relay:
        cpu = median(relay, "cpu_seconds_per_100k")
        yield line(f"  relay's CPU, settle {settle}", f"{cpu:.3f} CPU-s per 100,000",
                   listed(values(relay, "cpu_seconds_per_100k"), ".3f"),
                   wanted=f"under {WANTED_CPU_SECONDS}: {verdict(cpu < WANTED_CPU_SECONDS)}")
        yield memory_line(f"  relay's peak memory, settle {settle}", relay, "")


def memory_line(what, runs, others):
    most = max(values(runs, "peak_memory_mib"))
    return line(what, f"{most:.1f} MiB", listed(values(runs, "peak_memory_mib"), ".1f"), others,
                f"under {WANTED_MEMORY_MIB} MiB: {verdict(most < WANTED_MEMORY_MIB)}")


def rest_lines(result):
    if "latency" in result:
        run = result["latency"]
        yield line(f"commit to consumer at {run['rate']}/s",
                   f"p50 {run['p50_ms']:.1f}, p95 {run['p95_ms']:.1f}, p99 {run['p99_ms']:.1f}, "
                   f"max {run['max_ms']:.1f} ms",
                   f"{run['events']:,} events, reached {run['reached_rate']:.0f}/s",
                   foreign([run]))
    if "idle" in result:
        run = result["idle"]
        good = run["cpu_percent"] < WANTED_IDLE_PERCENT
        yield line("idle relay", f"{run['cpu_percent']:.2f} % of a core",
                   f"over {run['seconds']:.0f} s", foreign([run]),
                   f"under {WANTED_IDLE_PERCENT:.0f} %: {verdict(good)}")
        yield line("  PostgreSQL beside it", f"{run['postgres_cpu_percent']:.2f} % of a core")
    for name, words in (("memory", f"peak memory, rows of {LARGE_KB} KB"),
                        ("outage", "the same, broker away")):
        if name in result:
            run = result[name]
            more = f" for {run['paused_seconds']:.0f} s" if name == "outage" else ""
            yield memory_line(words + more, [run], foreign([run]))


def lines(result):
    """The table: what, the median, every run, foreign cores in each, and what was wanted."""
    made = list(producer_lines(result)) if "producer" in result else []
    for settle in SETTLES:
        made += settle_lines(result, settle)
    return made + list(rest_lines(result))


HEADINGS = {"what": "What", "value": "Result", "all": "All runs", "foreign": "Foreign cores",
            "wanted": "Wanted"}


def text_table(result):
    made = [HEADINGS, *lines(result)]
    widths = {name: max(len(each[name]) for each in made) for name in HEADINGS}
    return "\n".join("  ".join(each[name].ljust(widths[name]) for name in HEADINGS).rstrip()
                     for each in made)


def markdown_table(result):
    made = [HEADINGS, dict.fromkeys(HEADINGS, "---"), *lines(result)]
    return "\n".join("| " + " | ".join(each[name].strip() for name in HEADINGS) + " |"
                     for each in made)
