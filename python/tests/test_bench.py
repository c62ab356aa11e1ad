"""The figures of the benchmarks reach their places in docs/BENCHMARKS.md."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from mitsuke_bench import cargo, document, facts, index, inputs, program, timing
from mitsuke_fixtures.paths import ROOT

BENCH = """\
model          demo 1
runs on        CPU; this machine has 2 cores
workers        2 for each tower; 1 thread inside a batch, 2 while it is alone
                       pictures         queries
precision                  int8        bfloat16
one at a time           2.91 /s         61.4 /s
all workers             5.42 /s          112 /s
multiply-adds            59.8 G          1.33 G
machine's peak          398 G/s         190 G/s
floor                150.251 ms        7.000 ms
share reached            81.4 %          78.4 %

The floor is the time of an item's multiply-adds at the machine's peak, which large products in the same precision
reach with all workers at once. The share is that of the floor in the time of an item with all workers busy.
"""


def test_a_part_replaces_its_own_figures_only() -> None:
    text = document.replaced("# Benchmarks\n", "service", "first")
    text = document.replaced(text, "index", "of the index")
    text = document.replaced(text, "encoders", r"a \1 b")
    assert text.index("## Encoders") < text.index("## The service") < text.index("## The vector index")
    again = document.replaced(text, "service", "second")
    assert again == text.replace("first", "second")
    assert r"a \1 b" in again


def test_numbers_have_three_digits() -> None:
    assert [document.number(value) for value in (1234.5, 12.34, 0.5, -10.59)] == ["1,234", "12.3", "0.50", "−10.6"]
    assert (document.ratio(4.0, 2.0), document.ratio(4.0, 0.0)) == ("2.00 ×", "–")


def test_a_marker_without_its_end_is_refused() -> None:
    begin = next(line for line in document.replaced("", "store", "x").splitlines() if line.startswith("<!--"))
    with pytest.raises(ValueError, match="without the line"):
        document.replaced(begin + "\nfigures\n", "store", "new")


def test_figures_of_the_program_are_read() -> None:
    found = program.read(BENCH)
    assert found["image"] == {"precision": "int8", "alone": 2.91, "together": 5.42, "floor_ms": 150.251, "share": 81.4}
    assert found["text"] == {"precision": "bfloat16", "alone": 61.4, "together": 112.0, "floor_ms": 7.0, "share": 78.4}


def test_output_without_a_figure_is_refused() -> None:
    with pytest.raises(ValueError, match="no floor"):
        program.read(BENCH.replace("floor  ", "level  "))


def test_precisions_and_agreements_are_those_of_the_manifest() -> None:
    found = program.agreements(ROOT / "tests" / "exported_models" / "clip")
    assert list(found["image"]) == ["float32", "bfloat16"]
    assert 0.999 < found["text"]["bfloat16"] < 1.0
    # The demo model stores its image tower in float16, which a CPU widens.
    assert list(program.agreements(ROOT / "models" / "demo")["image"])[0] == "float32"


INDEX = """\
100000 vectors of 768 components, 200 queries of each kind, k = 16, IndexParams { exact_below: 50000 }
inserted at 4.2 µs each, memory 28 MB
all scanned image filter none      recall 1.0000  p50   1.600 ms  p95   1.900 ms  vectors read 30
all scanned text  filter 1 in 10   recall 1.0000  p50   1.700 ms  p95   2.000 ms  vectors read 41
lists trained in 4.1 s, 5.2 s beside searches, memory 52 MB, most so far 66 MB
searches beside training p50 1.50 ms, alone 1.20 ms
lists       image filter none      recall 0.9966  p50   0.800 ms  p95   2.000 ms  vectors read 30
lists       text  filter none      recall 0.9950  p50   1.000 ms  p95   2.100 ms  vectors read 33
inserted into lists at 19.3 µs each
snapshot 27 MB, saved in 0.10 s, loaded in 0.12 s (100000 vectors)
"""


def test_figures_of_the_index_become_tables() -> None:
    made = index.tables({"100,000 × 768": INDEX}).splitlines()
    assert made[2] == "| 100,000 × 768 | all scanned | image | none | 1.0000 | 1.600 | 1.900 | 30 |"
    assert made[3] == "| 100,000 × 768 | all scanned | text | 1 in 10 | 1.0000 | 1.700 | 2.000 | 41 |"
    said = "4.2 µs | 19.3 µs | 4.1 s | 5.2 s | 1.50 ms | 1.20 ms | 28 MB | 52 MB | 66 MB | 27 MB | 0.10 s | 0.12 s"
    assert made[-1] == f"| 100,000 × 768 | {said} |"
    with pytest.raises(ValueError, match="no times of searches"):
        index.tables({"1 × 1": "nothing"})


def test_peers_of_the_index_are_compared_at_enough_recall() -> None:
    def row(peer: str, setting: str, recall: float, p50: float) -> dict:
        kinds = {kind: {"recall": recall, "p50": p50, "p95": 2 * p50} for kind in ("image", "text")}
        return {"peer": peer, "setting": setting, "build": 30.0, "memory": 90.0, **kinds}

    peers = [
        row("faiss IVF", "nprobe 1", 0.9, 0.1),
        row("faiss IVF", "nprobe 9", 0.992, 4.0),
        row("faiss IVF", "nprobe 99", 0.999, 8.0),
        row("usearch", "expansion_search 64", 0.9, 0.5),
        {"peer": "faiss HNSW", "setting": "", "unfinished": "5 of 9 vectors in 900 s"},
    ]
    made = index.comparison(index.own(INDEX), peers).splitlines()
    said = "0.9966 | 0.80 | 2.00 | 0.9950 | 1.00 | 2.10 | 4.10 | 52"
    assert made[2] == f"| **Mitsuke** | the default settings | {said} |"
    assert "| faiss HNSW | not built: 5 of 9 vectors in 900 s | – | – | – | – | – | – | – | – |" in made
    assert "faiss IVF (nprobe 9) takes 5.00 × and 4.00 × the time of Mitsuke" in made[-1]
    assert "usearch has no such setting" in made[-1] and "faiss HNSW has no such setting" in made[-1]


def test_the_table_of_the_soak_benchmark_stands_alone() -> None:
    head = f"{'':36}{'count':>7}{'per s':>9}{'p50 ms':>9}"
    row = f"{'upload, 1 at once':36}{100:>7}{41.0:>9}{24.1:>9}"
    printed = f"\nrunning 1 test\ntest bench::answered ... {head}\n{row}\nserver: 210 MB at most\nok\n\ntest result: ok. 1 passed\n"
    assert cargo.soak_table(printed).splitlines() == [head, row, "server: 210 MB at most"]
    with pytest.raises(ValueError, match="no table"):
        cargo.soak_table("running 0 tests")


def test_a_failed_command_is_named() -> None:
    with pytest.raises(SystemExit, match="-c .* failed"):
        cargo.output([sys.executable, "-c", "raise SystemExit(3)"])


def test_processor_and_instructions_are_named() -> None:
    cpuinfo = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\nflags\t\t: fpu avx2 avx512f avx512_vnni\n"
    assert facts.processor(cpuinfo) == ("AMD EPYC (family 25, model 17)", ["AVX2", "AVX-512", "AVX-512 VNNI"])


def test_the_facts_tell_whether_the_machine_was_idle() -> None:
    known = facts.Facts("scripts/bench.sh index", [])
    known.load = 0.0
    assert "not idle" not in known.text()
    known.load = float(facts.cores())
    assert "**the machine was not idle when this began**" in known.text()
    assert "`scripts/bench.sh index`" in known.text()


def test_uploads_differ_and_queries_do_not_repeat() -> None:
    assert len(set(islice(inputs.uploads([b"one", b"two"]), 20))) == 20
    texts = list(islice(inputs.queries(), 5_000))
    assert len(set(texts)) == len(texts)


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"holds no \.jpg"):
        inputs.photos(tmp_path)


def test_a_failure_of_a_measured_call_is_raised() -> None:
    def fail() -> None:
        raise RuntimeError("answered 500")

    with pytest.raises(RuntimeError, match="answered 500"):
        timing.rate(fail, 2, 5)


def test_percentiles() -> None:
    taken = [float(number) for number in range(100, 0, -1)]
    assert (timing.percentile(taken, 0.5), timing.percentile(taken, 0.95), timing.percentile([7.0], 0.95)) == (51.0, 96.0, 7.0)


def test_the_script_refuses_half_a_model() -> None:
    script = ROOT / "scripts" / "bench.sh"
    for arguments, said in (
        (["encoders", "--model", "models/demo"], "--model and --original belong together"),
        (["encoder"], "unknown argument 'encoder'"),
        (["index", "--seconds", "0"], "no whole number of seconds"),
    ):
        done = subprocess.run([script, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 1
        assert said in done.stderr


def test_every_part_has_a_heading_and_a_measurement() -> None:
    from mitsuke_bench.__main__ import PARTS

    assert list(PARTS) == list(document.HEADINGS)
