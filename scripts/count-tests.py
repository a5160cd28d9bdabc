#!/usr/bin/env python3
"""Counts the tests in an event stream of Swift Testing's: prints how many passed, how many failed, 1
when the run came to its end, else 0, and a note.

A test that began and did not end, since its process crashed, has failed; the note names such tests. One test is a function, with however many arguments it was run.
"""
import json
import sys

functions, began, ended, failed, skipped = set(), set(), set(), set(), set()
finished = False
try:
    with open(sys.argv[1], "rb") as stream:
        for line in stream:
            try:
                record = json.loads(line)
            except ValueError:
                continue  # The last line of a process that crashed.
            payload = record["payload"]
            kind = payload["kind"]
            test = payload.get("testID")
            if record["kind"] == "test":
                if kind == "function":
                    functions.add(payload["id"])
            elif kind == "testStarted":
                began.add(test)
            elif kind == "testEnded":
                ended.add(test)
            elif kind == "testSkipped":
                skipped.add(test)
            elif kind == "issueRecorded":
                issue = payload.get("issue", {})
                if not issue.get("isKnown") and issue.get("severity", "error") == "error":
                    failed.add(test or "a test that cannot be told")
            elif kind == "runEnded":
                finished = True
except FileNotFoundError:
    pass

cut_short = (began - ended) & functions
# An issue of a suite, or of no test at all, is one failure as well.
failed |= cut_short
passed = (ended & functions) - failed
notes = []
if skipped & functions:
    notes.append(f"{len(skipped & functions)} skipped")
if not finished:
    notes.append("did not come to its end")
    if cut_short:
        notes.append("while it ran: " + ", ".join(sorted(cut_short)[:5]))
print(len(passed), len(failed), int(finished), "; ".join(notes))
