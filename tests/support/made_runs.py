"""A folder of a run as a page needs it, without running anything."""

from labkit.reports import files


def made_run(directory, **changes):
    run = {
        "notebook": "n",
        "title": "T",
        "path": "n.ipynb",
        "preset": "smoke",
        "parameters": {},
        "seeds": None,
        "started": "2026-01-02T03:04:05+00:00",
        "versions": {"python": "3.11", "labkit": "0.1.0"},
        "machine": "m",
        "commit": "c",
        "details": "",
        "drift": None,
        "page": None,
        "status": "ok",
        "reason": "ok",
        "exit_code": 0,
        "sentence": "Ran.",
        "seconds": 3.0,
        "peak_bytes": 2**20,
    }
    files.write_json(directory / files.RUN, run | changes)
    return directory
