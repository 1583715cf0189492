"""Scenarios on which mlops decides otherwise than DVC: the reason, and by number of the step what
mlops answers instead (None: the step is about DVC's own files and is left out)."""

LISTED = {
}
