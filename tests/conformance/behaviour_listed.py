"""Scenarios on which mlops decides otherwise than DVC: the reason, and by number of the step what
mlops answers instead (None: the step is about DVC's own files and is left out)."""


def did(ran=(), restored=(), skipped=(), status=0):
    return {"ran": list(ran), "restored": list(restored), "skipped": list(skipped), "exit": status}


REMOVAL = "what is removed from a stage is a change: its result may depend on it"
IN_PLACE = "an output that is in place already need not be restored"
OWN_FILES = "the lock and the cache are of another format, dvc.lock and .dvc/cache stay DVC's"
FROZEN = "a frozen stage is not looked at: what is recorded of it holds"
DRY = "a dry run says what is known; what waits for a stage that would run is not known yet"
KEEPS = "a failed stage keeps its earlier outputs"

LISTED = {
    "param-key-removed-from-stage": (
        REMOVAL,
        {
            4: {"train": [{"changed deps": {"params.yaml": {"other": "deleted"}}}]},
            5: did(ran=["train"], skipped=["prep", "eval"]),
        },
    ),
    "dep-removed-from-stage": (
        REMOVAL,
        {
            4: {"train": [{"changed deps": {"extra.txt": "deleted"}}]},
            5: did(ran=["train"], skipped=["prep", "eval"]),
        },
    ),
    "revert-uses-run-cache": (IN_PLACE, {6: did(restored=["prep", "train"], skipped=["eval"])}),
    "revert-no-run-cache": (IN_PLACE, {5: did(ran=["prep", "train"], skipped=["eval"])}),
    "dir-dep-exec-bit": (
        "chmod +x of a dependency is a change",
        {3: {"a": [{"changed deps": {"d": "modified"}}]}},
    ),
    "previous-output-after-failed-rerun": (
        KEEPS,
        {4: [".gitignore", "dvc.yaml", "i", "o"], 5: {"a": [{"changed deps": {"i": "modified"}}]}},
    ),
    "dry-run": ("a dry run of a new project works", {1: did(ran=["prep", "train", "eval"])}),
    "whole-params-file-as-param-dep": (OWN_FILES, {4: None}),
    "param-list-element": (OWN_FILES, {2: None}),
    "cache-and-run-cache-layout": (OWN_FILES, {2: None, 3: None}),
    "output-is-directory-empty": (OWN_FILES, {3: None}),
    "param-int-to-bool": (
        "1 to true is a change",
        {
            3: {"a": [{"changed deps": {"params.yaml": {"v": "modified"}}}]},
            4: did(ran=["a"]),
        },
    ),
    "frozen-out-changed-by-hand": (
        FROZEN + "; the edited file moves to .mlops/displaced",
        {5: did(restored=["prep"], skipped=["train", "eval"])},
    ),
    "frozen-out-deleted": (FROZEN, {5: did(restored=["prep"], skipped=["train", "eval"])}),
    "frozen-cmd-changed": (FROZEN, {3: {}, 4: did(skipped=["a"])}),
    "frozen-forced": (
        FROZEN,
        {3: did(ran=["train", "eval"], skipped=["prep"]), 4: did(skipped=["prep"])},
    ),
    "metrics-uncached-revert": (IN_PLACE, {5: did(skipped=["a"])}),
    "restore-after-rename": (
        IN_PLACE,
        {3: {}, 4: did(skipped=["prep", "fit", "eval"])},
    ),
    "restore-after-lock-deleted": (IN_PLACE, {3: did(skipped=["prep", "train", "eval"])}),
    "dry-changed": (
        DRY,
        {3: did(ran=["prep", "train", "eval"]), 5: did(ran=["prep", "train"])},
    ),
    "fails-stops": (
        "lines of .gitignore for stages that went well stay when a later stage fails",
        {4: [".gitignore", "dvc.yaml", "g", "params.yaml", "raw"]},
    ),
    "dep-deleted-later": (IN_PLACE, {6: did(skipped=["a"])}),
    "dvcignore-nested-file": (
        "an ignore file may lie in any folder, also in one that is a dependency",
        {1: did(ran=["a"]), 3: {}, 4: did(skipped=["a"])},
    ),
    "out-removed": (
        REMOVAL,
        {3: {"a": [{"changed outs": {"p": "modified"}}]}, 4: did(ran=["a"])},
    ),
    "exec-bit-of-dep-file": (
        "chmod +x of a dependency is a change",
        {3: {"a": [{"changed deps": {"raw": "modified"}}]}, 4: did(ran=["a"])},
    ),
    "cycle": ("a cycle is an error, whatever the command", {2: {"exit": 3}}),
    "uncached-and-cached-outs": (
        "an output that is in place need not be stored for the others to come back",
        {4: did(restored=["a"])},
    ),
    "single-items-in-given-order": (
        "named stages run in the order that their paths demand, in whichever they are typed",
        {
            3: did(ran=["prep", "train", "eval"]),
            4: did(skipped=["prep", "train", "eval"]),
        },
    ),
    "dep-same-content-other-name": (
        REMOVAL,
        {3: {"a": ["changed command", {"changed deps": {"raw": "deleted", "twin": "modified"}}]}},
    ),
    "wdir-changed-only": (
        "wdir is a part of the recipe",
        {3: {"a": ["wdir", {"changed outs": {"x/o": "modified", "y/o": "modified"}}]}},
    ),
    "pycache-in-dep": ("__pycache__ is no data", {3: {}, 4: did(skipped=["a"])}),
    "vars-change-out-path": (
        REMOVAL,
        {3: {"a": ["changed command", {"changed outs": {"one": "modified", "two": "modified"}}]}},
    ),
}
