"""Scenarios on which mlops decides otherwise than DVC: the reason, and by number of the step what
mlops answers instead (None: the step is about DVC's own files and is left out)."""


def did(ran=(), restored=(), skipped=(), status=0):
    return {"ran": list(ran), "restored": list(restored), "skipped": list(skipped), "exit": status}


REMOVAL = "what is removed from a stage is a change: its result may depend on it"
IN_PLACE = "an output that is in place already need not be restored"
OWN_FILES = "the lock and the cache are of another format, dvc.lock and .dvc/cache stay DVC's"
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
}
